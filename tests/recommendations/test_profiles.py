"""A profile is a pure function of events and a model, and survives its stored form."""

import json

from recommendations.engine.packing import Neighbour
from recommendations.profiles import Profile, compute, decode, encode
from tests.recommendations.factories import event


def profile(*, items: int = 60) -> Profile:
    history = [
        event("ann", f"{n:05}A", event_id=f"o-{n // 3}", hours=-n // 3) for n in range(items)
    ]
    neighbours = {
        f"{n:05}A": [Neighbour(f"{m:05}B", 1 / (m - n + 2), 9) for m in range(n, n + 100)]
        for n in range(items)
    }
    return compute(user_id="ann", version="v1", events=history, neighbours=neighbours, fallbacks=[])


def test_the_stored_form_gives_the_same_profile_back() -> None:
    made = profile()

    stored = json.loads(json.dumps(encode(made)))

    assert decode(user_id="ann", version="v1", content=stored, digest=made.digest) == made


def test_the_same_events_give_the_same_digest_and_others_another() -> None:
    assert profile().digest == profile().digest != profile(items=59).digest


def test_a_full_profile_costs_no_more_than_one_read_unit() -> None:
    made = profile()

    assert len(made.entries) == 100
    assert len(json.dumps(encode(made), separators=(",", ":"))) < 8192 - 200


def test_scores_fall_and_no_product_is_listed_twice() -> None:
    entries = profile().entries

    assert [entry.score for entry in entries] == sorted(
        (entry.score for entry in entries), reverse=True
    )
    assert len({entry.item_id for entry in entries}) == len(entries)
