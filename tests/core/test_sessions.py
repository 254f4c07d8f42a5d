"""Sessions live in DynamoDB, under a hash of their key, for as long as they should."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.sessions.backends.base import UpdateError

from core import sessions
from core.dynamodb.meter import metered
from core.sessions import SessionRow, SessionStore

pytestmark = pytest.mark.usefixtures("dynamodb")


def saved(**data: object) -> SessionStore:
    session = SessionStore()
    session.update(data)
    session.save()
    return session


def test_what_was_saved_is_read_again() -> None:
    session = saved(colour="red", numbers=[1, 2])

    assert dict(SessionStore(session.session_key).items()) == {"colour": "red", "numbers": [1, 2]}
    assert SessionStore().exists(session.session_key)


def test_an_unknown_key_gives_an_empty_session_and_is_not_taken_over() -> None:
    session = SessionStore("chosenbytheclient0000000000000000")

    assert dict(session.items()) == {}
    session["x"] = 1
    session.save()
    assert session.session_key != "chosenbytheclient0000000000000000"


def test_the_key_itself_is_not_stored() -> None:
    session = saved(x=1)
    (row,) = SessionRow.scan()

    assert session.session_key not in str(row.serialize())


def test_an_expired_session_is_gone_even_while_its_row_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = saved(x=1)
    later = (datetime.now(UTC) + timedelta(days=1)).timestamp()
    monkeypatch.setattr(sessions.time, "time", lambda: later)

    assert dict(SessionStore(session.session_key).items()) == {}
    assert not SessionStore().exists(session.session_key)
    assert list(SessionRow.scan())


def test_flush_deletes_and_a_flushed_session_cannot_be_saved() -> None:
    session = saved(x=1)
    other = SessionStore(session.session_key)
    other["x"] = 2

    session.flush()

    with pytest.raises(UpdateError):
        other.save()
    assert not list(SessionRow.scan())


def test_a_new_key_keeps_the_data_and_ends_the_old_one() -> None:
    session = saved(x=1)
    before = session.session_key

    session.cycle_key()

    assert SessionStore(session.session_key)["x"] == 1
    assert not SessionStore().exists(before)


def test_one_read_to_use_and_one_write_to_change() -> None:
    key = saved(x=1).session_key

    with metered() as meter:
        session = SessionStore(key)
        session["x"] = session["x"] + 1
        session.save()

    assert meter.round_trips == 2


def test_a_key_that_is_taken_is_not_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = saved(x=1).session_key
    fresh = "f" * 32
    keys = iter([taken, fresh])
    monkeypatch.setattr(SessionStore, "_get_new_session_key", lambda _: next(keys))

    assert saved(x=2).session_key == fresh
    assert SessionStore(taken)["x"] == 1
