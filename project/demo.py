"""``make demo``: the whole shop on this machine, started together and stopped in order."""

import fcntl
import json
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import psutil
from tqdm import tqdm

from project.local import HOST, MiniStack, MiniStackError

if TYPE_CHECKING:
    from users.permissions import Role

BASE_DIR = Path(__file__).resolve().parent.parent
DEFAULT_PORT = 8000
USERNAME = "admin"
ROLE: "Role" = "administrator"
_FIXTURES = BASE_DIR / "recommendations" / "fixtures"
_KINDS = ("items", "events")
# What is shown of products at first; the days before are counted while the shop is open.
_ITEM_DAYS = timedelta(days=14)
_LOAD_FAILED = "Persistence: failed to load"
# What a shell may have set for work on AWS, and what would change the demo.
_FOREIGN = ("AWS_", "ZAPPA_", "DYNAMODB_")
_FOREIGN_NAMES = ("DEBUG", "JOBS_FUNCTION", "SECRET_KEY_PARAMETER", "STAFF_PASSWORD")


class DemoError(Exception):
    """The demo cannot run; the message says what to do."""


def main() -> int:
    """Run the demo until it is interrupted; return the exit code."""
    directory = Path(os.environ.get("DEMO_DIRECTORY", BASE_DIR / ".local"))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        run(directory, port=_port())
    except (DemoError, MiniStackError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


def _stop(_number: int, _frame: FrameType | None) -> None:
    """End in order; a second signal must not cut that short."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    print("\nstopping, and writing the data to disk …", file=sys.stderr, flush=True)
    raise SystemExit(0)


def _port() -> int:
    text = os.environ.get("PORT") or str(DEFAULT_PORT)
    if not text.isdigit() or not 0 < int(text) < 65536:
        message = f"PORT={text} is not a port; give a number from 1 to 65535"
        raise DemoError(message)
    return int(text)


def run(directory: Path, *, port: int) -> None:
    """Start everything, serve until a signal comes, and stop in the reverse order."""
    with ExitStack() as stack:
        stack.enter_context(_only_one(directory))
        listener = stack.enter_context(_reserved(port))
        ministack = stack.enter_context(_ministack(directory))
        stack.callback(_end_children, except_for=ministack.pid)
        _set_environment(directory, ministack)

        import django

        django.setup()

        from core import usage

        logging.getLogger("waitress").setLevel(logging.ERROR)
        _load(directory)
        _make_bucket()
        login = _credentials(directory, base_url=f"http://{HOST}:{port}")
        stack.callback(usage.flush)
        stack.enter_context(_stream())
        _count()
        _serve(listener, login)


@contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    """Hold the folder, so that two demos do not write to one state."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / "demo.lock").open("w")
    except OSError as error:
        message = f"cannot write to {directory}: {error.strerror}; move it away or mend it"
        raise DemoError(message) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            message = f"a demo is running in {directory} already; stop it first"
            raise DemoError(message) from error
        yield


@contextmanager
def _reserved(port: int) -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            # Refused until everything is ready, but no other program may take it meanwhile.
            with socket.socket() as probe:
                if probe.connect_ex((HOST, port)) == 0:
                    raise OSError
        except PermissionError as error:
            message = f"port {port} needs special rights; use another one: make demo PORT=8001"
            raise DemoError(message) from error
        except OSError as error:
            message = f"port {port} is in use; use another one: make demo PORT={port + 1}"
            raise DemoError(message) from error
        yield listener


@contextmanager
def _ministack(directory: Path) -> Iterator[MiniStack]:
    """Start MiniStack; put state aside that it cannot read."""
    ministack = MiniStack(directory / "ministack", persist=True)
    ministack.start()
    if _LOAD_FAILED in ministack.log_file.read_text(encoding="utf-8", errors="replace"):
        ministack.stop()
        aside = directory / f"ministack-damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}"
        shutil.move(directory / "ministack", aside)
        print(f"demo: the stored data was damaged; it is now in {aside}, and made anew here")
        ministack.start()
    try:
        yield ministack
    finally:
        ministack.stop()


def _set_environment(directory: Path, ministack: MiniStack) -> None:
    for name in list(os.environ):
        if name.startswith(_FOREIGN) or name in _FOREIGN_NAMES:
            del os.environ[name]
    os.environ.update(
        {
            **ministack.environment,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "DJANGO_SETTINGS_MODULE": "project.settings",
            "SECRET_KEY": _secret_key(directory / "secret-key"),
            "TABLE_PREFIX": "alsobought-demo-",
            "EXPORT_BUCKET": "alsobought-demo-exports",
            "TRAINING_TUNE_SECONDS": "30",
            "DELETION_PROTECTION": "false",
            # A laptop may be busy; on AWS nothing takes so long.
            "DYNAMODB_CONNECT_TIMEOUT": "10",
            "DYNAMODB_READ_TIMEOUT": "30",
            "INSECURE_HTTP": "true",
            "ALLOWED_HOSTS": f"{HOST},localhost",
            "STATIC_HASHED": "false",
        }
    )


def _secret_key(path: Path) -> str:
    try:
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        key = ""
    if len(key) < 50:
        key = secrets.token_urlsafe(50)
        write_private(path, key)
    return key


def write_private(path: Path, text: str) -> None:
    """Replace a file at once, readable by its owner only."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{text}\n")
    fresh.replace(path)


def _load(directory: Path) -> None:
    """Create the tables, import the bundled data and train, unless a model is live already."""
    from core.dynamodb import tables
    from recommendations.services import first_profiles, versions

    for _ in tables.create_all():
        pass
    if versions.live() is not None:
        _open_with_history()
        return
    # An import that was cut short goes on with the same dates, or its events would double.
    last_event = _remembered_day(directory / "demo.json")
    print("loading the bundled data (once) …", flush=True)
    rejects = str(directory / "rejects.jsonl")
    items, events = (str(_FIXTURES / f"online_retail_{kind}.jsonl.gz") for kind in _KINDS)
    _manage("import", items, "--kind", "items", "--rejects", rejects)
    _manage(
        "import", events, "--kind", "events", "--last-event", str(last_event), "--rejects", rejects
    )
    # The stream is followed from here on, so it never sees what was loaded.
    first_profiles.prepare()
    print("training …", flush=True)
    with ThreadPoolExecutor(max_workers=1) as pool:
        counting = pool.submit(_open_with_history)
        _train()
        counting.result()


def _remembered_day(path: Path) -> date:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    try:
        day = date.fromisoformat(json.loads(path.read_text(encoding="utf-8"))["last_event"])
    except (OSError, ValueError, KeyError, TypeError):
        day = yesterday
    if day > yesterday or not _has_events():
        day = yesterday
    path.write_text(json.dumps({"last_event": day.isoformat()}), encoding="utf-8")
    return day


def _has_events() -> bool:
    from recommendations.services import events

    return bool(events.recent(limit=1).rows)


def _start(*arguments: str, quiet: bool = False, **environment: str) -> "subprocess.Popen[bytes]":
    # A session of its own: Ctrl-C in the terminal reaches us alone, and we end it in order.
    return subprocess.Popen(  # noqa: S603  # our own program
        [sys.executable, str(BASE_DIR / "manage.py"), *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if quiet else None,
        start_new_session=True,
    )


def _manage(*arguments: str) -> None:
    if _start(*arguments).wait() != 0:
        message = f"manage.py {arguments[0]} failed, see above; make demo starts again from there"
        raise DemoError(message)


def _train() -> None:
    """Train in a process of its own, which takes its numerical packages with it when it ends."""
    from recommendations.services import jobs

    # Whoever waits for the first page wants a model soon; "Train now" then finds a better one.
    process = _start("job", "train", quiet=True, TRAINING_TUNE_SECONDS="0")
    shape = "{desc} {percentage:3.0f}%|{bar}|"
    with tqdm(total=100, disable=None, bar_format=shape) as bar:
        while process.poll() is None:
            for job in jobs.listing(limit=1).rows:
                bar.set_description_str(job.step, refresh=False)
                bar.update(round(100 * job.progress) - bar.n)
            time.sleep(0.3)
    if process.returncode != 0:
        message = "the training failed, see above; make demo tries again"
        raise DemoError(message)


def _counts() -> bool:
    return os.environ.get("DEMO_COUNT", "true") == "true"


def _open_with_history() -> None:
    """Count the bundled history, unless that has been done; no stream may be followed yet."""
    from recommendations.services import counting

    if _counts():
        counting.open_with(item_days_since=datetime.now(UTC).date() - _ITEM_DAYS)


def _count() -> None:
    """Count the rest beside the running shop; a count that was cut short goes on."""
    from recommendations.services import counting, jobs

    if _counts() and counting.is_behind():
        jobs.start(name="count", by="make demo")


def _make_bucket() -> None:
    from django.conf import settings

    from project.aws.exports import ensure_bucket

    ensure_bucket(settings.EXPORT_BUCKET, region=settings.DYNAMODB["REGION"])


def _credentials(directory: Path, *, base_url: str) -> Mapping[str, str]:
    """Return address, staff login and API key; the ones in use if they still work."""
    from users.permissions import SCOPES
    from users.services import keys

    path = directory / "demo.env"
    stored = _read_env(path)
    key = stored.get("API_KEY", "")
    if not key or keys.verify(key) is None:
        key, _ = keys.create(name="demo", scopes=SCOPES, by="make demo")
    login = {
        "BASE_URL": base_url,
        "API_KEY": key,
        "STAFF_USERNAME": USERNAME,
        "STAFF_PASSWORD": _password(stored.get("STAFF_PASSWORD", "")),
    }
    write_private(path, "\n".join(f"{name}={value}" for name, value in login.items()))
    return login


def _read_env(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return {}
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def _password(stored: str) -> str:
    from django.contrib.auth.hashers import check_password

    from users.services import accounts

    account = accounts.find_by_username(username=USERNAME)
    if account is not None and stored and check_password(stored, account.password_hash or ""):
        return stored
    password = secrets.token_urlsafe(15)
    if account is None:
        accounts.create(username=USERNAME, password=password, role=ROLE)
    else:
        accounts.set_password(account_id=account.account_id, password=password)
    return password


@contextmanager
def _stream() -> Iterator[None]:
    from project.local_stream import events_poller

    poller = events_poller()
    if poller is None:
        message = "the events table has no stream; delete .local and start again"
        raise DemoError(message)
    poller.start()
    try:
        yield
    finally:
        poller.stop()


def _serve(listener: socket.socket, login: Mapping[str, str]) -> None:
    from waitress import create_server

    from project.wsgi import application

    server = create_server(application, sockets=[listener], threads=8, ident=None)
    print(
        f"\nAlsobought is at {login['BASE_URL']}/\n"
        f"  staff login  {login['STAFF_USERNAME']}  {login['STAFF_PASSWORD']}\n"
        f"  API key      {login['API_KEY']}\n"
        "Both are in .local/demo.env. Ctrl-C stops it and keeps the data.",
        flush=True,
    )
    try:
        server.run()
    finally:
        server.close()


def _end_children(*, except_for: int | None) -> None:
    """End jobs that still run, such as a training that the staff site started."""
    children = [
        process
        for child in psutil.Process().children()
        if child.pid != except_for
        for process in (child, *child.children(recursive=True))
    ]
    for child in children:
        child.terminate()
    _, alive = psutil.wait_procs(children, timeout=5)
    for child in alive:
        child.kill()


if __name__ == "__main__":
    sys.exit(main())
