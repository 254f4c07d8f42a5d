"""What must hold before a deployment changes anything."""

import json

import boto3

from project.aws import clashes, names, stack
from project.aws.infrastructure import template
from project.aws.stages import Deployment, Stage, StageError, load_deployment


def check_infrastructure(deployment: Deployment, *, adopt: bool) -> None:
    """Refuse to propose changes to the stack that could not be applied.

    Raises
    ------
    StageError
        When a name cannot be used or is taken, or the stack is half-applied.
    """
    names.check(deployment)
    _account(deployment)
    stack.check(deployment)
    deployed = stack.deployed_template(deployment) or {"Resources": {}}
    clashes.check(
        deployment, template(deployment), known=frozenset(deployed["Resources"]), adopt=adopt
    )


def check_deployment(stage: Stage) -> str:
    """Refuse to deploy a function that would not work; return the ARN of its role.

    Raises
    ------
    StageError
        When a name cannot be used, or the stack is missing, half-applied or not up to date.
    """
    deployment = load_deployment(stage.deployment)
    names.check(deployment)
    _account(deployment)
    stack.check(deployment)
    deployed = stack.deployed_template(deployment)
    command = f"run 'manage.py infrastructure {deployment.name}'"
    if deployed is None:
        message = f"there is no stack {deployment.stack} in {deployment.region}; {command} first"
        raise StageError(message)
    wanted = json.loads(json.dumps(template(deployment)))
    if deployed != wanted:
        message = (
            f"stack {deployment.stack} is not what models and settings say; {command} first, "
            "which shows the differences"
        )
        raise StageError(message)
    _check_tables()
    role = boto3.client("iam").get_role(RoleName=stage.role_name)["Role"]
    return str(role["Arn"])


def _account(deployment: Deployment) -> str:
    """Return the number of the account; the first call that needs working credentials."""
    client = boto3.client("sts", region_name=deployment.region)
    return str(client.get_caller_identity()["Account"])


def _check_tables() -> None:
    from core.dynamodb.tables import registered, status

    missing = [name for name in registered() if status(name).state != "ACTIVE"]
    if missing:
        message = (
            f"{', '.join(missing)}: not there, though the stack has made them once; restore them "
            "as docs/operations.md says"
        )
        raise StageError(message)
