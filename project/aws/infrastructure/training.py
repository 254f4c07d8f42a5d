"""The state machine that trains, and its role."""

from typing import Any

from django.conf import settings

from project.aws import iam, workflow
from project.aws.infrastructure.permissions import filled_in, trusting
from project.aws.stages import Deployment

MACHINE = "TrainingMachine"


def exists() -> bool:
    """Tell whether the settings name a state machine, and a bucket for it."""
    return bool(settings.TRAINING_STATE_MACHINE and settings.EXPORT_BUCKET)


def resources(deployment: Deployment) -> dict[str, Any]:
    """Return the state machine and its role, where there is to be one."""
    if not exists():
        return {}
    name, bucket = settings.TRAINING_STATE_MACHINE, settings.EXPORT_BUCKET
    place = f"{deployment.region}:{iam.ACCOUNT}"
    function = f"arn:aws:lambda:{place}:function:{deployment.jobs.live_function}"
    statements = workflow.role_statements(
        machine=f"arn:aws:states:{place}:stateMachine:{name}", function=function, bucket=bucket
    )
    return {
        "TrainingRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": f"{name}-{deployment.region}",
                "AssumeRolePolicyDocument": trusting("states.amazonaws.com"),
                "Policies": [
                    {
                        "PolicyName": "training",
                        "PolicyDocument": filled_in(
                            {"Version": "2012-10-17", "Statement": statements}
                        ),
                    }
                ],
            },
        },
        MACHINE: {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "StateMachineName": name,
                "StateMachineType": "STANDARD",
                "RoleArn": {"Fn::GetAtt": ["TrainingRole", "Arn"]},
                "Definition": workflow.definition(function="${JobsFunction}", bucket=bucket),
                "DefinitionSubstitutions": {"JobsFunction": {"Fn::Sub": function}},
            },
        },
    }
