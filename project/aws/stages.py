"""A deployment stage, as `zappa_settings.json` describes it.

Beside Zappa's own settings a stage names its ``roles``, what its function is for: ``api``,
``stream`` and ``jobs``. They decide which packages it carries and what it is allowed to do.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

SETTINGS_FILE = Path(__file__).resolve().parents[2] / "zappa_settings.json"
ROLES = frozenset({"api", "stream", "jobs"})
VARIABLE = "ZAPPA_STAGE"


class StageError(RuntimeError):
    """A stage cannot be used as it is; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage: its name, its function and the environment of that function."""

    name: str
    project: str
    region: str
    roles: frozenset[str]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def function(self) -> str:
        """Return the name that Zappa gives the Lambda function."""
        return re.sub(r"[^a-z0-9]+", "-", f"{self.project}-{self.name}".lower()).strip("-")

    @classmethod
    def from_config(cls, name: str, config: Mapping[str, Any]) -> Self:
        """Read a stage from its settings, with what it extends already merged in.

        Raises
        ------
        StageError
            When a role is unknown or none is given, or when the region is missing.
        """
        roles = frozenset(config.get("roles", ()))
        if not roles or roles - ROLES:
            message = f"stage {name}: `roles` must list some of {', '.join(sorted(ROLES))}"
            raise StageError(message)
        if not config.get("aws_region"):
            message = f"stage {name}: set `aws_region` in zappa_settings.json"
            raise StageError(message)
        return cls(
            name=name,
            project=config.get("project_name", "alsobought"),
            region=config["aws_region"],
            roles=roles,
            environment=dict(config.get("aws_environment_variables", {})),
        )

    def apply(self) -> None:
        """Give this process the environment of the stage's function."""
        os.environ.update(self.environment)
        os.environ["AWS_REGION"] = os.environ["AWS_DEFAULT_REGION"] = self.region


def load(name: str, path: Path = SETTINGS_FILE) -> Stage:
    """Return the stage of this name.

    Raises
    ------
    StageError
        When there is no such stage or its settings are wrong.
    """
    stages = json.loads(path.read_text(encoding="utf-8"))
    merged: dict[str, Any] = {}
    seen: list[str] = []
    current: str | None = name
    while current is not None:
        if current not in stages or current in seen:
            message = f"no stage {current!r} in {path.name}; it has {', '.join(sorted(stages))}"
            raise StageError(message)
        seen.append(current)
        merged = {**stages[current], **merged}
        current = stages[current].get("extends")
    return Stage.from_config(name, merged)


def current() -> Stage:
    """Return the stage that the variable ``ZAPPA_STAGE`` names.

    Raises
    ------
    StageError
        When the variable is not set or names no stage.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        message = f"say which stage: {VARIABLE}=<stage> python manage.py …"
        raise StageError(message)
    return load(name)
