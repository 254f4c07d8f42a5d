"""A whole table is read in parts at a time, each row once and always in the same order."""

import pytest
from botocore.exceptions import ConnectTimeoutError
from pynamodb.attributes import UnicodeAttribute

from core.dynamodb.batch import Put, patient, write_all
from core.dynamodb.connection import connection
from core.dynamodb.meter import metered
from core.dynamodb.scans import scan
from core.dynamodb.tables import OperationsRow

pytestmark = pytest.mark.usefixtures("dynamodb")


class Paper(OperationsRow):
    text = UnicodeAttribute()


@pytest.fixture(autouse=True)
def _papers() -> None:
    write_all(Put(Paper(f"paper {number}", "-", text="x" * 200_000)) for number in range(45))


def found() -> list[str]:
    return [row["pk"]["S"] for row in scan(Paper, ["pk", "text"])]


def test_each_row_comes_once_and_the_order_stays() -> None:
    with metered() as meter:
        first = found()

    assert sorted(first) == sorted(f"paper {number}" for number in range(45))
    assert first == found()
    # Several pages in each of four segments, all counted.
    assert meter.round_trips > 8
    assert meter.read_units > 0


def test_what_is_refused_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    send = connection().dispatch
    refused: list[int] = []

    def refuse(operation: str, params: dict) -> dict:
        if operation == "Scan" and params["Segment"] not in refused:
            refused.append(params["Segment"])
            raise ConnectTimeoutError(endpoint_url="")
        return send(operation, params)

    with monkeypatch.context() as patch:
        patch.setattr(connection(), "dispatch", refuse)
        assert len(found()) == 45

    assert sorted(refused) == [0, 1, 2, 3]


def test_what_is_refused_for_good_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(operation: str, params: dict) -> dict:
        raise ConnectTimeoutError(endpoint_url="")

    with monkeypatch.context() as patch:
        patch.setattr(connection(), "dispatch", refuse)
        with patient(0), pytest.raises(ConnectTimeoutError):
            found()
