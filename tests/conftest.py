"""Fixtures that every test may use."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import set_script_prefix
from hypothesis import settings
from pynamodb.connection import Connection

from core.dynamodb import tables
from core.dynamodb.connection import call

# Machines are busy at times; how fast something is belongs in the benchmarks.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _script_prefix() -> Iterator[None]:
    """Forget the prefix that a request below a stage has set for the whole thread."""
    yield
    set_script_prefix("/")


@pytest.fixture(scope="session")
def _tables() -> None:
    for _ in tables.create_all():
        pass


@pytest.fixture
def dynamodb(_tables: None) -> Iterator[None]:
    """Tables that are empty at the start of the test."""
    with _clean_tables():
        yield


@pytest.fixture(scope="module")
def dynamodb_of_the_module(_tables: None) -> Iterator[None]:
    """Tables that are empty at the start of the module, for what is dear to make."""
    with _clean_tables():
        yield


@contextmanager
def _clean_tables() -> Iterator[None]:
    cache.clear()
    yield
    _empty_written()


@pytest.fixture
def start_again(dynamodb: None) -> Callable[[], None]:
    """Return what empties the tables, for tests that try many times."""

    def empty() -> None:
        cache.clear()
        _empty_written()

    return empty


def _empty_written() -> None:
    for name in tables.registered().keys() & _written:
        _empty(name)
    _written.clear()


@pytest.fixture
def written_elsewhere(dynamodb: None) -> None:
    """Empty all tables after the test: a process that this one did not start writes there too."""
    _written.update(tables.registered())


def _empty(name: str) -> None:
    keys = tables.registered()[name].key_names()
    names = {f"#{position}": key for position, key in enumerate(keys)}
    start: dict[str, object] = {}
    while True:
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


# Looking into every table after every test would take longer than most tests do.
_written: set[str] = set()
_READS = frozenset({"BatchGetItem", "DescribeTable", "GetItem", "Query", "Scan"})
_make_api_call = Connection._make_api_call


def _noting(connection: Connection, operation: str, arguments: Any, *rest: Any) -> Any:
    if operation not in _READS:
        _written.update(_named_in(arguments))
    return _make_api_call(connection, operation, arguments, *rest)


def _named_in(arguments: Mapping[str, Any]) -> Iterator[str]:
    if "TableName" in arguments:
        yield arguments["TableName"]
    yield from arguments.get("RequestItems", ())
    for action in arguments.get("TransactItems", ()):
        yield from (part["TableName"] for part in action.values())


def _note_process(event: str, _arguments: object) -> None:
    # What another process writes, nobody notes here.
    if event == "subprocess.Popen":
        _written.update(tables.registered())


Connection._make_api_call = _noting  # type: ignore[assignment,method-assign]
sys.addaudithook(_note_process)
