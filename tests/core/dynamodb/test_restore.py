"""Tables come back as they were, beside those there are."""

import io
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command

from core.dynamodb import restore, tables
from core.dynamodb.connection import call
from core.dynamodb.tables import OperationsRow, registered, table_name

pytestmark = pytest.mark.usefixtures("dynamodb")
PREFIX = f"restored-{table_name('')}"


@pytest.fixture(autouse=True)
def _removed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(restore, "_PAUSE_SECONDS", 0.05)
    yield
    for name in registered():
        restored = f"{PREFIX}{name.removeprefix(table_name(''))}"
        if tables.status(restored).state != "MISSING":
            call("DeleteTable", TableName=restored)


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("tables", "restore", *arguments, stdout=out)
    return out.getvalue()


def test_all_tables_are_restored_with_their_rows_under_another_prefix() -> None:
    OperationsRow("kept", "row").save()

    said = run("--prefix", PREFIX, "--at", "2026-01-31T12:00:00Z")

    assert said.count("restored\n") == len(registered())
    key = {"pk": {"S": "kept"}, "sk": {"S": "row"}}
    assert call("GetItem", TableName=f"{PREFIX}operations", Key=key)["Item"]["sk"] == {"S": "row"}


def test_a_name_that_is_taken_stops_before_anything_is_restored() -> None:
    with pytest.raises(CommandError, match="there already; choose another prefix"):
        run("--prefix", table_name(""))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--prefix"),
        (("--prefix", PREFIX, "--at", "yesterday"), "no time with its zone"),
        (("--prefix", PREFIX, "--at", "2026-01-31T12:00"), "no time with its zone"),
    ],
)
def test_what_is_not_said_is_asked_for(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(*arguments)
    assert tables.status(f"{PREFIX}operations").state == "MISSING"
