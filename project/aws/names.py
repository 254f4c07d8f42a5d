"""Whether the names in `zappa_settings.json` can be used, before AWS is asked for anything."""

from collections.abc import Iterator

import boto3

from project.aws.stages import Deployment, Stage, StageError

MAX_RULE = 63
MAX_FUNCTION = 64
MAX_ROLE = 64


def check(deployment: Deployment) -> None:
    """Refuse names and a region that cannot be.

    Raises
    ------
    StageError
        With a line for each problem.
    """
    problems = [*_region(deployment), *_buckets(deployment)]
    for stage in deployment.stages.values():
        problems += _stage(stage)
    if problems:
        raise StageError("\n".join(problems))


def rule(stage: Stage, name: str, function: str) -> str:
    """Return the name that Zappa gives the rule of a schedule; the handler reads its end."""
    return f"{stage.function}-{name}-{function}" if name else f"{stage.function}-{function}"


def _region(deployment: Deployment) -> Iterator[str]:
    known = boto3.session.Session().get_available_regions("lambda")
    if deployment.region not in known:
        yield (
            f"there is no AWS region {deployment.region!r}; set `aws_region` in "
            f"zappa_settings.json to one of {', '.join(known)}"
        )


def _buckets(deployment: Deployment) -> Iterator[str]:
    keys = {"deployments": "s3_bucket", "exports": "EXPORT_BUCKET"}
    if not deployment.api.bucket:
        yield f"deployment {deployment.name}: set `s3_bucket` in zappa_settings.json"
    for purpose, name in deployment.buckets.items():
        if "CHANGE-ME" in name:
            yield f"choose the name of `{keys[purpose]}` in zappa_settings.json, not {name!r}"


def _stage(stage: Stage) -> Iterator[str]:
    shorten = "shorten `project_name` or the name of the stage in zappa_settings.json"
    if len(stage.function) > MAX_FUNCTION:
        yield f"the function's name {stage.function} has over {MAX_FUNCTION} characters; {shorten}"
    if len(stage.role_name) > MAX_ROLE:
        yield f"the role's name {stage.role_name} has over {MAX_ROLE} characters; {shorten}"
    for event in stage.events:
        if "expression" not in event and "expressions" not in event:
            continue
        name, function = event.get("name", ""), event["function"]
        full = rule(stage, name, function)
        if len(full) > MAX_RULE:
            yield (
                f"schedule {name!r} of stage {stage.name} would be the rule {full} with "
                f"{len(full)} characters, and AWS takes {MAX_RULE}; give it a shorter `name`"
            )
        if "-" in function:
            yield f"schedule {name!r} of stage {stage.name}: no `-` may be in its `function`"
