"""Tables are created once, with every option set, and protected ones are not deleted."""

import io
import json
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from pynamodb.attributes import UnicodeAttribute

from core.dynamodb import tables
from core.dynamodb.connection import call, connection
from core.dynamodb.errors import RowTooLargeError
from core.dynamodb.tables import OperationsRow, Table

pytestmark = pytest.mark.usefixtures("dynamodb")


class Timed(OperationsRow):
    text = UnicodeAttribute(null=True)


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("tables", *arguments, stdout=out)
    return out.getvalue()


def test_creating_again_changes_nothing() -> None:
    assert not any(created for _, created in tables.create_all())


def test_status_shows_time_to_live_stream_and_recovery_as_declared() -> None:
    found = {row["name"]: row for row in json.loads(run("status", "--json"))}

    events = next(row for name, row in found.items() if name.endswith("-events"))
    assert events["state"] == "ACTIVE"
    assert events["stream"]
    assert found[OperationsRow.Meta.table_name]["ttl"] == "expires_at"
    assert all(row["point_in_time_recovery"] for row in found.values())
    assert "ACTIVE" in run("status")


def test_an_option_that_was_lost_is_set_again() -> None:
    name = OperationsRow.Meta.table_name
    connection().client.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    assert not tables.status(name).point_in_time_recovery

    for _ in tables.create_all():
        pass

    assert tables.status(name).point_in_time_recovery


def test_deleting_refuses_protected_tables_and_deletes_none() -> None:
    name = OperationsRow.Meta.table_name
    connection().client.update_table(TableName=name, DeletionProtectionEnabled=True)
    try:
        with pytest.raises(CommandError, match="protected from deletion"):
            run("delete", "--yes")
        assert all(tables.status(name).state == "ACTIVE" for name in tables.registered())
    finally:
        connection().client.update_table(TableName=name, DeletionProtectionEnabled=False)


def test_tables_are_protected_where_the_deployment_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(settings.DYNAMODB, "DELETION_PROTECTION", value=True)
        assert "already there" in run("create")
        found = json.loads(run("status", "--json"))
        assert all(row["deletion_protection"] for row in found)

    run("create")
    assert not any(row["deletion_protection"] for row in json.loads(run("status", "--json")))


def test_deleting_needs_the_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "yes")

    with pytest.raises(CommandError, match="nothing was deleted"):
        run("delete")


def test_deleted_tables_are_missing_and_can_be_created_again() -> None:
    run("delete", "--yes")
    assert {row["state"] for row in json.loads(run("status", "--json"))} == {"MISSING"}

    assert "created" in run("create")


def test_all_tables_share_one_client() -> None:
    models = [model for model in _all_models(Table) if hasattr(model, "Meta")]
    connections = {id(model._get_connection().connection) for model in models}

    assert connections == {id(connection())}


def _all_models(base: type[Table]) -> list[type[Table]]:
    return [model for child in base.__subclasses__() for model in [child, *_all_models(child)]]


def test_a_definition_names_each_key_of_table_and_indexes_once() -> None:
    for model in tables.registered().values():
        wanted = tables.definition(model)
        declared = [part["AttributeName"] for part in wanted["AttributeDefinitions"]]
        used = {
            part["AttributeName"]
            for schema in [wanted, *wanted.get("GlobalSecondaryIndexes", [])]
            for part in schema["KeySchema"]
        }
        assert sorted(used) == declared
        described = call("DescribeTable", TableName=model.Meta.table_name)["Table"]
        assert described["KeySchema"] == wanted["KeySchema"]


def test_a_row_past_its_time_counts_as_expired_before_dynamodb_removes_it() -> None:
    row = Timed("x", "y", expires_at=datetime.fromtimestamp(1_000, UTC))

    assert row.has_expired(now=1_000)
    assert not row.has_expired(now=999)
    assert not Timed("x", "y").has_expired(now=1_000)


def test_a_row_that_dynamodb_would_refuse_is_refused_before_it_is_sent() -> None:
    Timed("x", "fits", text="é" * 200_000).save()

    with pytest.raises(RowTooLargeError, match="400 KB"):
        Timed("x", "too large", text="é" * 205_000).save()
