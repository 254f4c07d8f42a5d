"""The tables, as the models declare them."""

import re
from typing import Any

from django.conf import settings

from core.dynamodb.tables import definition, registered, ttl_attribute


def resources(*, after: list[str]) -> dict[str, Any]:
    """Return a resource for each table; those named in ``after`` are made before."""
    return {
        logical_id(name): {
            "Type": "AWS::DynamoDB::Table",
            # What customers did outlives the stack, unless the stack never came to be.
            "DeletionPolicy": "RetainExceptOnCreate",
            "UpdateReplacePolicy": "Retain",
            "DependsOn": after,
            "Properties": _properties(name, model),
        }
        for name, model in registered().items()
    }


def logical_id(name: str) -> str:
    """Return what the template calls a table: ``ShopItemStatsTable`` for ``shop-item_stats``.

    From the whole name, so that restored tables of another prefix are adopted beside the old ones.
    """
    return "".join(word.capitalize() for word in re.split(r"[^A-Za-z0-9]+", name)) + "Table"


def _properties(name: str, model: Any) -> dict[str, Any]:
    properties = {"TableName": name, **definition(model)}
    stream = properties.pop("StreamSpecification", None)
    if stream:
        properties["StreamSpecification"] = {"StreamViewType": stream["StreamViewType"]}
    ttl = ttl_attribute(model)
    if ttl:
        properties["TimeToLiveSpecification"] = {"AttributeName": ttl, "Enabled": True}
    return {
        **properties,
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        # With the account's own key for DynamoDB, so that its use is logged and can be revoked.
        "SSESpecification": {"SSEEnabled": True},
        "DeletionProtectionEnabled": settings.DYNAMODB["DELETION_PROTECTION"],
    }
