"""A deployment and its stages, as `zappa_settings.json` describes them.

Beside Zappa's own settings a stage names its ``roles``, what its function is for: ``api``,
``stream`` and ``jobs``. They decide which packages it carries and what it is allowed to do. The
stages ``<name>_jobs``, ``<name>_stream`` and ``<name>_api`` work together as one deployment.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

SETTINGS_FILE = Path(__file__).resolve().parents[2] / "zappa_settings.json"
# In the order in which they are deployed: what is called before what calls it.
ROLES = ("jobs", "stream", "api")
# What API Gateway, the stream and those who start jobs call; it names the release that serves.
ALIAS = "live"
LOG_DAYS = 30
# CloudWatch takes no other numbers.
_LOG_DAYS = frozenset({1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653})
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
    bucket: str = ""
    events: tuple[Mapping[str, Any], ...] = ()
    alarm_email: str = ""
    log_days: int = LOG_DAYS

    @property
    def function(self) -> str:
        """Return the name that Zappa gives the Lambda function."""
        return re.sub(r"[^a-z0-9]+", "-", f"{self.project}-{self.name}".lower()).strip("-")

    @property
    def deployment(self) -> str:
        """Return what the names of the stages that work together start with."""
        return self.name.rpartition("_")[0]

    @property
    def live_function(self) -> str:
        """Return what to call so that the release that serves answers."""
        return f"{self.function}:{ALIAS}"

    @property
    def log_group(self) -> str:
        """Return the name of the log group that Lambda writes to."""
        return f"/aws/lambda/{self.function}"

    @property
    def role_name(self) -> str:
        """Return the name of the function's IAM role; roles know no regions, so it says which."""
        return f"{self.function}-{self.region}"

    @classmethod
    def from_config(cls, name: str, config: Mapping[str, Any]) -> Self:
        """Read a stage from its settings, with what it extends already merged in.

        Raises
        ------
        StageError
            When a role is unknown or none is given, or when the region is missing.
        """
        roles = frozenset(config.get("roles", ()))
        if not roles or not roles.issubset(ROLES):
            message = f"stage {name}: `roles` must list some of {', '.join(sorted(ROLES))}"
            raise StageError(message)
        if not config.get("aws_region"):
            message = f"stage {name}: set `aws_region` in zappa_settings.json"
            raise StageError(message)
        log_days = config.get("log_days", LOG_DAYS)
        if log_days not in _LOG_DAYS:
            choices = ", ".join(map(str, sorted(_LOG_DAYS)))
            message = f"stage {name}: `log_days` is {log_days!r}; CloudWatch takes {choices}"
            raise StageError(message)
        return cls(
            name=name,
            project=config.get("project_name", "alsobought"),
            region=config["aws_region"],
            roles=roles,
            environment=dict(config.get("aws_environment_variables", {})),
            bucket=config.get("s3_bucket", ""),
            events=tuple(config.get("events", ())),
            alarm_email=config.get("alarm_email", ""),
            log_days=log_days,
        )

    def apply(self) -> None:
        """Give this process the environment of the stage's function."""
        os.environ.update(self.environment)
        os.environ["AWS_REGION"] = os.environ["AWS_DEFAULT_REGION"] = self.region


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The functions that work together: a stage for each role, in the order of deployment."""

    name: str
    stages: Mapping[str, Stage]

    @property
    def jobs(self) -> Stage:
        return self.stages["jobs"]

    @property
    def stream(self) -> Stage:
        return self.stages["stream"]

    @property
    def api(self) -> Stage:
        return self.stages["api"]

    @property
    def project(self) -> str:
        return self.api.project

    @property
    def region(self) -> str:
        return self.api.region

    @property
    def stack(self) -> str:
        """Return the name of the CloudFormation stack of all that is not a function."""
        return re.sub(r"[^a-z0-9]+", "-", f"{self.project}-{self.name}".lower()).strip("-")

    @property
    def alarm_topic(self) -> str:
        """Return the name of the SNS topic that tells people, of alarms and of trainings."""
        return self.jobs.environment.get("NOTIFICATION_TOPIC") or f"{self.stack}-alarms"

    @property
    def buckets(self) -> dict[str, str]:
        """Return the names of the S3 buckets by what they are for."""
        names = {
            "deployments": self.api.bucket,
            "exports": self.jobs.environment.get("EXPORT_BUCKET", ""),
        }
        return {purpose: name for purpose, name in names.items() if name}


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


def load_deployment(name: str, path: Path = SETTINGS_FILE) -> Deployment:
    """Return the deployment of this name.

    Raises
    ------
    StageError
        When one of its stages is missing, wrong, or does not fit the others.
    """
    known = json.loads(path.read_text(encoding="utf-8"))
    if any(f"{name}_{role}" not in known for role in ROLES):
        complete = [
            other for other in sorted(known) if all(f"{other}_{role}" in known for role in ROLES)
        ]
        message = f"no deployment {name!r} in {path.name}; it has {', '.join(complete) or 'none'}"
        raise StageError(message)
    stages = {role: load(f"{name}_{role}", path) for role in ROLES}
    for role, stage in stages.items():
        if stage.roles != {role}:
            message = f"stage {stage.name}: `roles` must be [{role!r}]"
            raise StageError(message)
    for what in ("region", "project", "bucket"):
        if len({getattr(stage, what) for stage in stages.values()}) > 1:
            message = f"the stages of {name} must have the same {what}; set it in {name!r} itself"
            raise StageError(message)
    return Deployment(name=name, stages=stages)


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
