"""Fixtures that every test may use."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from hypothesis import settings

from core.dynamodb import tables
from core.dynamodb.connection import call

# Machines are busy at times; how fast something is belongs in the benchmarks.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def _tables() -> None:
    for _ in tables.create_all():
        pass


@pytest.fixture
def dynamodb(_tables: None) -> Iterator[None]:
    """Tables that are empty at the start of the test."""
    cache.clear()
    yield
    for name, model in tables.registered().items():
        keys = model.key_names()
        start: dict[str, object] = {}
        while True:
            names = {f"#{position}": key for position, key in enumerate(keys)}
            page = call(
                "Scan",
                TableName=name,
                ProjectionExpression=", ".join(names),
                ExpressionAttributeNames=names,
                **start,
            )
            for offset in range(0, len(page["Items"]), 25):
                requests = [
                    {"DeleteRequest": {"Key": key}} for key in page["Items"][offset : offset + 25]
                ]
                call("BatchWriteItem", RequestItems={name: requests})
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
