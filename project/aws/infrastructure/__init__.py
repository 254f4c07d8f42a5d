"""Everything of a deployment that is not a function, as one CloudFormation stack.

The template is generated: tables from the models, permissions from what each role does with them,
names and limits from `zappa_settings.json`. Functions, API and schedules are Zappa's.
"""

from typing import Any

from project.aws.infrastructure import alarms, permissions, storage, tables, training
from project.aws.stages import Deployment

Resources = dict[str, dict[str, Any]]


def template(deployment: Deployment) -> dict[str, Any]:
    """Return the template of a deployment's stack; needs the settings of that deployment."""
    others: Resources = {
        **storage.resources(deployment),
        **permissions.resources(deployment),
        **alarms.resources(deployment),
        **training.resources(deployment),
    }
    # Tables come last. Where something else cannot be made, CloudFormation takes all back, and
    # would fail at a table that is protected from deletion.
    first = sorted(
        name for name, resource in others.items() if resource["Type"] in _MAY_FAIL_BY_NAME
    )
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Alsobought, deployment {deployment.name}: all but the functions",
        "Resources": {**others, **tables.resources(after=first)},
        "Outputs": {"AlarmTopic": {"Value": {"Ref": alarms.TOPIC}}},
    }


_MAY_FAIL_BY_NAME = frozenset({"AWS::IAM::Role", "AWS::Logs::LogGroup", "AWS::S3::Bucket"})
