"""A role for each function."""

from typing import Any

from project.aws import iam
from project.aws.stages import Deployment

POLICY = "function"


def resources(deployment: Deployment) -> dict[str, Any]:
    """Return the roles of the functions."""
    return {
        f"{role.capitalize()}Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": stage.role_name,
                "AssumeRolePolicyDocument": trusting("lambda.amazonaws.com"),
                "Policies": [
                    {
                        "PolicyName": POLICY,
                        "PolicyDocument": filled_in(iam.policy(stage)),
                    }
                ],
            },
        }
        for role, stage in deployment.stages.items()
    }


def trusting(service: str) -> dict[str, Any]:
    """Return the policy that lets a service of AWS act in a role."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        ],
    }


def filled_in(policy: dict[str, Any]) -> dict[str, Any]:
    """Let CloudFormation put the number of the account into the names of resources."""
    statements = [
        {**part, "Resource": [_filled_in(resource) for resource in part["Resource"]]}
        for part in policy["Statement"]
    ]
    return {**policy, "Statement": statements}


def _filled_in(resource: str) -> Any:
    return {"Fn::Sub": resource} if "${" in resource else resource
