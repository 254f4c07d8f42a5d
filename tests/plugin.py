"""One MiniStack for the whole run; every worker has tables of its own.

A plugin rather than a conftest: it must set the environment before Django reads its settings.
"""

import os
import tempfile
from pathlib import Path

from project.local import MiniStack

_ENDPOINT = "ALSOBOUGHT_TEST_ENDPOINT"
_stack: MiniStack | None = None

if _ENDPOINT not in os.environ:
    # State machines wait a twentieth of the time before they try again.
    os.environ["SFN_WAIT_SCALE"] = "0.05"
    _stack = MiniStack(Path(tempfile.mkdtemp(prefix="alsobought-tests-")))
    _stack.start()
    os.environ.update(_stack.environment)
    os.environ[_ENDPOINT] = _stack.url

os.environ.update(
    SECRET_KEY="tests-only-" + "x" * 50,
    TABLE_PREFIX=f"test-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}-",
    DELETION_PROTECTION="false",
    INSECURE_HTTP="true",
    TRAINING_TUNE_SECONDS="0",
    USAGE_SECONDS="0",
    ALLOWED_HOSTS="127.0.0.1,localhost,testserver",
)


def pytest_unconfigure() -> None:
    if _stack is not None:
        _stack.stop()
