"""Records of the stream that were given up: seen by all, handled by operators."""

from collections.abc import Callable

import pytest
from django.test import Client

from core import audit
from recommendations.services import dead_letters, events
from recommendations.storage.events import key_of
from tests.recommendations.factories import event

pytestmark = pytest.mark.usefixtures("dynamodb")

LogIn = Callable[[str], Client]
URL = "/admin/dead-letters/"


def give_up(user: str, number: str, *, reason: str = "it failed at every try") -> None:
    """Keep a record of the user's only event; without a user one that names no event."""
    keys = {}
    if user:
        actor, moment = key_of(event(user))
        keys = {"Keys": {"user_id": {"S": actor}, "timestamp#event_id": {"S": moment}}}
    change = {"ApproximateCreationDateTime": 1_790_000_000, "SequenceNumber": number, **keys}
    dead_letters.keep(records=[{"dynamodb": change}], reason=reason)


def rows(client: Client) -> list[str]:
    return [row["url"] for row in client.get(URL).context["rows"]]


def test_without_any_the_page_says_that_all_is_well(log_in: LogIn) -> None:
    assert "Nothing has failed" in log_in("viewer").get(URL).content.decode()


def test_an_operator_tries_again_or_discards_and_it_is_written_down_once(log_in: LogIn) -> None:
    events.record(events=[event("ann", "tea")])
    give_up("ann", "1", reason="it cannot be <read>")
    give_up("", "2")
    client = log_in("operator")
    nameless, known = rows(client)

    page = client.get(known).content.decode()
    assert "it cannot be &lt;read&gt;" in page
    assert "/admin/users/ann/" in page
    assert "/admin/events/2026-11-01T12_" in page
    assert "actions/retry" not in client.get(nameless).content.decode(), "nothing to try"
    done = client.post(f"{known}actions/retry/", follow=True)
    assert done.redirect_chain == [(URL, 302)]
    assert rows(client) == [nameless]
    client.post(f"{nameless}actions/discard/")

    assert rows(client) == []
    actions = [entry.action for entry in audit.listing(limit=9).rows]
    assert actions == ["dead-letters.discard", "dead-letters.retry"]


def test_what_fails_again_is_kept_and_says_what_to_do(
    log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_up("ann", "1")
    monkeypatch.setattr("recommendations.services.realtime.follow", lambda **asked: asked["keys"])
    client = log_in("operator")
    (url,) = rows(client)

    answer = client.post(f"{url}actions/retry/")

    assert answer.status_code == 409
    assert "manage.py rebuild" in answer.content.decode()
    assert rows(client) == [url]


def test_who_may_not_write_events_only_looks(log_in: LogIn) -> None:
    give_up("ann", "1")
    client = log_in("merchandiser")
    (url,) = rows(client)

    assert "no longer stored" in client.get(url).content.decode()
    assert "actions" not in client.get(url).content.decode().partition('id="content-main"')[2]
    assert client.post(f"{url}actions/discard/").status_code == 403
    assert int(client.get(URL).headers["X-DynamoDB-Round-Trips"]) <= 3
