"""Rows are inserted once, and what is there already is left alone."""

import pytest
from pynamodb.attributes import UnicodeAttribute

from core.dynamodb.batch import Put, write_batch
from core.dynamodb.inserts import insert_new
from core.dynamodb.tables import OperationsRow

pytestmark = pytest.mark.usefixtures("dynamodb")


class Memo(OperationsRow):
    text = UnicodeAttribute()


def test_only_rows_with_free_keys_are_inserted_across_transactions() -> None:
    taken = [Memo("memo", f"{number:03}", text="old") for number in range(0, 230, 23)]
    write_batch([Put(row) for row in taken])

    inserted = insert_new([Memo("memo", f"{number:03}", text="new") for number in range(230)])

    stored = {row.sk: row.text for row in Memo.query("memo")}
    assert len(stored) == 230
    assert {key for key, text in stored.items() if text == "old"} == {row.sk for row in taken}
    assert {row.sk for row in inserted} == stored.keys() - {row.sk for row in taken}


def test_nothing_to_insert_is_no_error() -> None:
    assert insert_new([]) == []
