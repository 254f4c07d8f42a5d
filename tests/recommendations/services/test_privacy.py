"""Who is erased is in no counter either, and the receipt says so after reading again."""

import pytest

from recommendations.services import dead_letters, events, privacy, realtime
from recommendations.storage.events import key_of
from tests.api_client import api_client, error_of
from tests.recommendations.factories import event
from tests.recommendations.random_shop import dump
from users.services import customers

pytestmark = pytest.mark.usefixtures("dynamodb")


def follow(*sent: object) -> None:
    realtime.follow(keys=[key_of(one) for one in sent], item_ids=())  # type: ignore[arg-type]


def test_who_did_more_than_one_request_can_erase_is_erased_by_several(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = event("bob", "tea")
    events.record(events=[others])
    follow(others)
    before = dump()
    mine = [event("ann", f"i{n % 9}", event_id=f"e-{n}", hours=n) for n in range(250)]
    events.record(events=mine)
    follow(*mine)
    monkeypatch.setattr(customers, "ERASE_SECONDS", 0)
    monkeypatch.setattr(privacy, "_PAGE", 100)
    client = api_client()

    answers = [client.delete("/api/v1/users/ann/")]
    while answers[-1].status_code == 503:
        assert answers[-1]["Retry-After"] == "1"
        answers.append(client.delete("/api/v1/users/ann/"))

    # Events in three parts, then the ledger in three, the profile, and the customer.
    assert len(answers) == 8
    assert error_of(answers[0], 503)["message"].startswith("100 rows are erased, and there are")
    receipt = answers[-1].json()
    assert receipt["erased"]["users"] == 1
    assert not any(receipt["remaining"].values())
    assert dump() == before


def test_erasing_takes_back_what_a_user_added_to_the_counters() -> None:
    mine = [event("ann", "tea", "cup", event_id=f"e-{n}") for n in range(3)]
    others = event("bob", "tea")
    events.record(events=[others])
    follow(others)
    before = dump()
    events.record(events=mine)
    follow(*mine)
    # One that is withdrawn, of which the stream has not heard yet.
    events.withdraw(actor="ann", timestamp=mine[0].timestamp, event_id="e-0")
    key, moment = key_of(mine[0])
    change = {"Keys": {"user_id": {"S": key}, "timestamp#event_id": {"S": moment}}}
    dead_letters.keep(records=[{"dynamodb": {**change, "SequenceNumber": "7"}}])
    exported = privacy.export(user_id="ann")
    assert exported["event_effects"] == [list(key_of(mine[0]))]
    assert len(exported["dead_letters"]) == 1

    receipt = customers.erase(user_id="ann")

    assert receipt.erased["events"] == 2
    assert receipt.erased["event_effects"] == 3
    assert receipt.erased["dead_letters"] == 1
    assert not any(receipt.remaining.values())
    assert dump() == before
    # What the stream still delivers changes nothing.
    follow(*mine)
    assert dump() == before
