"""The CloudFormation stack of a deployment: what would change, and changing it."""

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from project.aws.stages import Deployment, StageError

# CloudFormation takes a longer template from a bucket only.
MAX_TEMPLATE_BYTES = 51_200
_TAG = "alsobought:deployment"
_POLL_SECONDS = 1.0
_PATIENCE_SECONDS = 1800.0
# CloudFormation may not know before it looks at the resource.
_REPLACEMENTS = {"True": "  IS REPLACED BY A NEW ONE", "Conditional": "  (or replaced)"}
_SETTLED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})
_NOT_THERE = frozenset({"", "REVIEW_IN_PROGRESS"})
_DELETE = "aws cloudformation delete-stack --region {region} --stack-name {stack}"
# What a stack that came to a stop needs before anything else can be done to it.
_REMEDIES = {
    "ROLLBACK_COMPLETE": (
        "its creation failed and was taken back; delete it and repeat the command: " + _DELETE
    ),
    "CREATE_FAILED": "its creation stopped half-way; delete it and repeat the command: " + _DELETE,
    "ROLLBACK_FAILED": (
        "its creation failed and could not be taken back; switch deletion protection off for the "
        "tables that it names, delete it and repeat the command: " + _DELETE
    ),
    "DELETE_FAILED": "its deletion stopped half-way; see why, and delete it again: " + _DELETE,
    "UPDATE_ROLLBACK_FAILED": (
        "an update failed and could not be taken back; mend what its events name, then: "
        "aws cloudformation continue-update-rollback --region {region} --stack-name {stack}"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One resource that a change set adds, modifies or removes."""

    action: str
    kind: str
    name: str
    replacement: str = "False"

    def __str__(self) -> str:
        mark = {"Add": "+", "Import": "<", "Modify": "~", "Remove": "-"}.get(self.action, "?")
        note = _REPLACEMENTS.get(self.replacement, "")
        return f"  {mark} {self.kind:<30} {self.name}{note}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSet:
    """What would happen to a stack, and by which name CloudFormation knows it."""

    identifier: str
    stack: str
    creates: bool
    changes: tuple[Change, ...]


def _client(deployment: Deployment) -> Any:
    return boto3.client("cloudformation", region_name=deployment.region)


def status(deployment: Deployment) -> str:
    """Return the state of the stack, such as ``CREATE_COMPLETE``; empty when there is none.

    Raises
    ------
    StageError
        When there is a stack of that name which is not this deployment's.
    """
    found = _describe(_client(deployment), deployment.stack)
    if found is None:
        return ""
    state = str(found["StackStatus"])
    tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", ())}
    if tags.get(_TAG) != deployment.name and state != "REVIEW_IN_PROGRESS":
        message = (
            f"a stack {deployment.stack} exists in {deployment.region} and is not ours; choose "
            "another `project_name` in zappa_settings.json"
        )
        raise StageError(message)
    return state


def check(deployment: Deployment) -> None:
    """Refuse a stack that cannot be changed as it is.

    Raises
    ------
    StageError
        When it is half-applied or busy; the message says what to do.
    """
    state = status(deployment)
    if state in _SETTLED | _NOT_THERE:
        return
    place = {"region": deployment.region, "stack": deployment.stack}
    remedy = _REMEDIES.get(state, "somebody is changing it; wait until that is done").format(
        **place
    )
    message = f"stack {deployment.stack} is {state}: {remedy}"
    raise StageError(message)


def deployed_template(deployment: Deployment) -> dict[str, Any] | None:
    """Return the template of the stack as it is, or None while there is none."""
    if status(deployment) in _NOT_THERE:
        return None
    body = _client(deployment).get_template(StackName=deployment.stack)["TemplateBody"]
    return dict(json.loads(body) if isinstance(body, str) else body)


def propose(deployment: Deployment, template: dict[str, Any], *, adopt: bool) -> ChangeSet | None:
    """Let CloudFormation work out what would change; None when nothing would.

    ``adopt`` takes tables, buckets and log groups into the stack that exist already.

    Raises
    ------
    StageError
        When the template is too long or CloudFormation cannot apply it.
    """
    body = json.dumps(template, separators=(",", ":"))
    if len(body.encode()) > MAX_TEMPLATE_BYTES:
        message = f"the template has {len(body)} bytes; CloudFormation takes {MAX_TEMPLATE_BYTES}"
        raise StageError(message)
    client = _client(deployment)
    creates = status(deployment) in _NOT_THERE
    created = client.create_change_set(
        StackName=deployment.stack,
        ChangeSetName=f"alsobought-{uuid.uuid4().hex}",
        ChangeSetType="CREATE" if creates else "UPDATE",
        TemplateBody=body,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Tags=[{"Key": _TAG, "Value": deployment.name}],
        ImportExistingResources=adopt,
        # A stack that could not be created is removed, so that the next try may start over.
        **({"OnStackFailure": "DELETE"} if creates else {}),
    )
    proposed = ChangeSet(
        identifier=created["Id"], stack=deployment.stack, creates=creates, changes=()
    )
    answer = _when_ready(client, created["Id"])
    if answer["Status"] == "FAILED":
        discard(deployment, proposed)
        reason = answer.get("StatusReason", "")
        if "didn't contain changes" in reason or "No updates" in reason:
            return None
        message = f"CloudFormation refuses the change: {reason}"
        raise StageError(message)
    return ChangeSet(
        identifier=created["Id"],
        stack=deployment.stack,
        creates=creates,
        changes=tuple(_changes(client, created["Id"], template)),
    )


def discard(deployment: Deployment, proposed: ChangeSet) -> None:
    """Forget a change set, and the empty stack that it made room for."""
    client = _client(deployment)
    client.delete_change_set(ChangeSetName=proposed.identifier)
    if proposed.creates and status(deployment) == "REVIEW_IN_PROGRESS":
        client.delete_stack(StackName=deployment.stack)


def apply(deployment: Deployment, proposed: ChangeSet) -> Iterator[str]:
    """Apply a change set; yield a line for each resource as it is done.

    Raises
    ------
    StageError
        When CloudFormation took everything back; the message says why.
    """
    client = _client(deployment)
    seen = {event["EventId"] for event in _events(client, deployment.stack)}
    client.execute_change_set(ChangeSetName=proposed.identifier)
    failed: list[str] = []
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = _describe(client, deployment.stack)
        for event in _events(client, deployment.stack):
            if event["EventId"] in seen:
                continue
            seen.add(event["EventId"])
            outcome = event["ResourceStatus"]
            if outcome.endswith("FAILED"):
                failed.append(f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}")
            if not outcome.endswith("IN_PROGRESS"):
                name = event.get("PhysicalResourceId") or event["LogicalResourceId"]
                kind = event["ResourceType"].removeprefix("AWS::")
                yield f"  {outcome:<18} {kind:<24} {name}"
        state = found["StackStatus"] if found else "DELETE_COMPLETE"
        if not state.endswith("IN_PROGRESS"):
            break
        time.sleep(_POLL_SECONDS)
    if state not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        reasons = "; ".join(failed) or "see its events in the console"
        message = f"the stack could not be changed and is {state} now: {reasons}"
        raise StageError(message)


def _describe(client: Any, name: str) -> dict[str, Any] | None:
    try:
        return dict(client.describe_stacks(StackName=name)["Stacks"][0])
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise


def _when_ready(client: Any, identifier: str) -> dict[str, Any]:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        answer = dict(client.describe_change_set(ChangeSetName=identifier))
        if answer["Status"] in {"CREATE_COMPLETE", "FAILED"}:
            return answer
        if time.monotonic() > deadline:
            message = "CloudFormation did not work out what would change; try again later"
            raise StageError(message)
        time.sleep(_POLL_SECONDS)


def _changes(client: Any, identifier: str, template: dict[str, Any]) -> Iterator[Change]:
    start: dict[str, str] = {}
    while True:
        page = client.describe_change_set(ChangeSetName=identifier, **start)
        for entry in page["Changes"]:
            change = entry["ResourceChange"]
            logical = change["LogicalResourceId"]
            yield Change(
                action=change["Action"],
                kind=change["ResourceType"].removeprefix("AWS::"),
                name=change.get("PhysicalResourceId") or _own_name(template, logical),
                replacement=change.get("Replacement", "False"),
            )
        if "NextToken" not in page:
            return
        start = {"NextToken": page["NextToken"]}


def _own_name(template: dict[str, Any], logical: str) -> str:
    properties = template["Resources"].get(logical, {}).get("Properties", {})
    for key, value in properties.items():
        if key.endswith("Name") and isinstance(value, str):
            return value
    return logical


def _events(client: Any, name: str) -> list[dict[str, Any]]:
    """Return what happened to the stack's resources lately, the oldest first."""
    try:
        return list(reversed(client.describe_stack_events(StackName=name)["StackEvents"]))
    except ClientError:
        # A stack that could not be created is gone.
        return []
