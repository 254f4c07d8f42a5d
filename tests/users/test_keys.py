"""API keys are shown once, stored hashed, and end when they are revoked."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from core.dynamodb.meter import metered
from core.validation import InvalidInputError
from users.models import AccountRow
from users.permissions import SCOPES
from users.services import keys

pytestmark = pytest.mark.usefixtures("dynamodb")


@pytest.fixture(autouse=True)
def _cold_cache() -> None:
    keys.cache.clear()


def test_a_key_proves_itself_and_its_scopes() -> None:
    text, key = keys.create(name="shop", scopes=["events:write"], by="Ada")

    found = keys.verify(text)

    assert found == key
    assert found.scopes == {"events:write"}
    assert text.startswith(f"ab_{key.prefix}_")


def test_the_secret_is_not_stored() -> None:
    text, key = keys.create(name="shop", scopes=["events:write"], by="Ada")
    row = AccountRow.get(f"key#{key.prefix}")

    assert text.split("_", 2)[2] not in str(row.serialize())
    assert keys.listing(limit=5).rows == (key,)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
        lambda text: text + "A",
        lambda text: text + "\n",
        lambda text: text.upper(),
        lambda text: "ab_00000000_" + text[12:],
        lambda _: "",
        lambda _: "é" * 55,
    ],
)
def test_other_texts_prove_nothing(spoil) -> None:
    text, _ = keys.create(name="shop", scopes=["events:write"], by="Ada")

    assert keys.verify(spoil(text)) is None


def test_a_key_seen_just_now_needs_no_round_trip_but_does_after_30_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text, key = keys.create(name="shop", scopes=["events:write"], by="Ada")
    now = 1000.0
    monkeypatch.setattr(keys.time, "monotonic", lambda: now)
    keys.verify(text)

    with metered() as meter:
        assert keys.verify(text).prefix == key.prefix
    assert meter.round_trips == 0

    AccountRow(f"key#{key.prefix}").delete()
    assert keys.verify(text).prefix == key.prefix
    now += keys.CACHE_SECONDS + 0.1
    assert keys.verify(text) is None


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_CACHE_SIZE", 2)
    for number in range(4):
        keys.verify(keys.create(name=f"k{number}", scopes=["events:write"], by="Ada")[0])

    assert len(keys.cache._entries) == 2


def test_revoked_and_rotated_keys_end() -> None:
    first, key = keys.create(name="shop", scopes=["events:write"], by="Ada")
    keys.verify(first)

    second, rotated = keys.rotate(prefix=key.prefix)
    assert keys.verify(first) is None
    assert keys.verify(second) == rotated

    assert keys.revoke(prefix=key.prefix)
    assert keys.verify(second) is None
    assert not keys.revoke(prefix=key.prefix)
    assert keys.rotate(prefix=key.prefix) is None
    assert keys.listing(limit=5).rows[0].revoked_at is not None


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    keys.cache.clear()
    monkeypatch.setattr(keys, "datetime", SimpleNamespace(now=lambda _: moment))


def test_an_old_secret_is_good_for_as_long_as_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    first, key = keys.create(name="shop", scopes=["events:write"], by="Ada")
    now = datetime.now(UTC)
    second, rotated = keys.rotate(prefix=key.prefix, grace=timedelta(hours=1))

    assert rotated.former_until - now > timedelta(minutes=59)
    assert keys.verify(first).prefix == keys.verify(second).prefix == key.prefix
    at(monkeypatch, now + timedelta(hours=2))
    assert keys.verify(first) is None
    assert keys.verify(second) is not None

    third, _ = keys.rotate(prefix=key.prefix, grace=timedelta(days=1))
    assert keys.verify(first) is None
    assert keys.verify(second) is not None
    keys.revoke(prefix=key.prefix)
    assert keys.verify(second) is keys.verify(third) is None


def test_the_last_use_is_noted_with_one_write_in_ten_minutes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text, key = keys.create(name="shop", scopes=["events:write"], by="Ada")
    now = datetime.now(UTC)
    writes = []
    for seconds in (0, 0, 40, 599, 601):
        at(monkeypatch, now + timedelta(seconds=seconds))
        with metered() as meter:
            for _ in range(3):
                keys.verify(text)
        writes.append(meter.round_trips - 1)
    wrong = text[:-1] + ("A" if text[-1] != "A" else "B")
    at(monkeypatch, now + timedelta(hours=3))
    assert keys.verify(wrong) is None

    assert writes == [1, 0, 0, 0, 1]
    assert keys.find(prefix=key.prefix).last_used_at == now + timedelta(seconds=601)
    assert keys.listing(limit=1).rows[0].last_used_at == now + timedelta(seconds=601)


def test_keys_are_found_by_name_state_and_scope() -> None:
    for name in ("Webs", "web 2", "till"):
        _, key = keys.create(name=name, scopes=["events:write", "users:read"], by="Ada")
    keys.create(name="app", scopes=["catalog:read"], by="Ada")
    keys.revoke(prefix=key.prefix)

    def names(**narrowed: object) -> list[str]:
        return [row.name for row in keys.listing(limit=9, **narrowed).rows]

    assert names(text="WEB") == ["web 2", "Webs"]
    assert names(revoked=True) == ["till"]
    assert names(revoked=False, scope="users:read") == ["web 2", "Webs"]
    assert names(scope="users") == []


def test_listing_pages_in_order_of_name() -> None:
    for name in ("b", "a", "c"):
        keys.create(name=name, scopes=["events:write"], by="Ada")

    first = keys.listing(limit=2)
    rest = keys.listing(limit=2, position=first.next)

    assert [key.name for key in (*first.rows, *rest.rows)] == ["a", "b", "c"]
    assert rest.next is None


@pytest.mark.parametrize("scopes", [[], ["everything"]])
def test_unknown_scopes_are_refused_with_the_list(scopes: list[str]) -> None:
    with pytest.raises(InvalidInputError, match="events:write"):
        keys.create(name="shop", scopes=scopes, by="Ada")


def test_createkey_prints_only_the_key_on_standard_output() -> None:
    out = StringIO()
    call_command("createkey", "--name=shop", "--all-scopes", stdout=out, stderr=StringIO())

    assert keys.verify(out.getvalue().strip()).scopes == set(SCOPES)
    with pytest.raises(CommandError, match="at least one"):
        call_command("createkey", "--name=shop", stdout=out)
