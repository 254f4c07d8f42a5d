"""A POST under an ``Idempotency-Key`` is done once."""

import threading
import zlib

import pytest

from core.api import idempotency
from core.api.idempotency import AnswerRow
from tests.api_client import api_client, error_of, send
from users.entities import Customer
from users.services import customers

pytestmark = pytest.mark.usefixtures("dynamodb")
EVENTS = "/api/v1/events/"
EVENT = {"user_id": "a", "type": "view", "items": [{"item_id": "x"}]}


def test_the_first_answer_is_given_again() -> None:
    client = api_client()

    first = send(client, "POST", EVENTS, EVENT, idempotency_key="k1")
    again = send(client, "POST", EVENTS, EVENT, idempotency_key="k1")
    other = send(client, "POST", EVENTS, EVENT, idempotency_key="k2")

    assert first.status_code == again.status_code == 202
    assert first.content == again.content != other.content
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"


def test_the_place_of_what_was_created_is_given_again() -> None:
    client = api_client()
    answers = [
        send(client, "POST", "/api/v1/users/", {"user_id": "a/b"}, idempotency_key="k")
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert {answer["Location"] for answer in answers} == {"http://testserver/api/v1/users/a%2Fb/"}


def test_nobody_who_is_erased_lives_on_in_a_kept_answer() -> None:
    client = api_client()
    user = {"user_id": "yuri-1815", "email": "yuri@example.com", "name": "Yuri", "labels": ["vip"]}
    event = {**EVENT, "user_id": "yuri-1815", "session_id": "yuri-session"}
    for path, body in (("/api/v1/users/", user), (EVENTS, event), ("/api/v1/users/bulk/", [user])):
        first = send(client, "POST", path, body, idempotency_key=path)
        assert send(client, "POST", path, body, idempotency_key=path).json() == first.json()
    send(client, "DELETE", "/api/v1/users/yuri-1815/")

    kept = [row.attribute_values for row in AnswerRow.scan(AnswerRow.fingerprint.exists())]
    texts = [str({**row, "body": zlib.decompress(row["body"])}).lower() for row in kept]

    assert len(texts) == 3
    assert not any("yuri" in text or "vip" in text for text in texts)


def test_replaying_changes_nothing() -> None:
    client = api_client()
    send(client, "POST", "/api/v1/users/", {"user_id": "a", "name": "One"}, idempotency_key="k")
    customers.save(customers=[Customer(user_id="a", name="Two")])

    send(client, "POST", "/api/v1/users/", {"user_id": "a", "name": "One"}, idempotency_key="k")

    assert customers.find(user_id="a").name == "Two"


def test_another_request_under_the_same_key_is_refused() -> None:
    client = api_client()
    send(client, "POST", EVENTS, EVENT, idempotency_key="k")

    other = send(client, "POST", EVENTS, {**EVENT, "type": "cart"}, idempotency_key="k")
    elsewhere = send(client, "POST", f"{EVENTS}?debug=cost", EVENT, idempotency_key="k")

    assert error_of(other, 422)["code"] == "idempotency_mismatch"
    error_of(elsewhere, 422)


def test_keys_belong_to_who_uses_them() -> None:
    first = send(api_client(), "POST", EVENTS, EVENT, idempotency_key="k")
    other = send(api_client(), "POST", EVENTS, EVENT, idempotency_key="k")

    assert first.json() != other.json()


def test_what_failed_may_be_sent_again() -> None:
    client = api_client()

    error_of(send(client, "POST", "/api/v1/models/no/publish/", idempotency_key="k"), 404)
    error_of(send(client, "POST", "/api/v1/models/no/publish/", idempotency_key="k"), 404)
    assert send(client, "POST", EVENTS, EVENT, idempotency_key="k").status_code == 202


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256])
def test_bad_keys(key: str) -> None:
    response = send(api_client(), "POST", EVENTS, EVENT, idempotency_key=key)

    assert "Idempotency-Key" in error_of(response, 400)["details"]


def test_while_the_first_is_in_flight_the_second_conflicts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = api_client()
    inside, go_on = threading.Event(), threading.Event()
    save = customers.save

    def slow(**arguments: object) -> None:
        inside.set()
        assert go_on.wait(10)
        save(**arguments)

    monkeypatch.setattr(customers, "save", slow)
    post = lambda: send(client, "POST", "/api/v1/users/", {"user_id": "a"}, idempotency_key="k")  # noqa: E731
    thread = threading.Thread(target=post)
    thread.start()
    assert inside.wait(10)
    conflict = post()
    go_on.set()
    thread.join()

    assert error_of(conflict, 409)["code"] == "conflict"
    assert conflict["Retry-After"] == "1"
    assert post().status_code == 201


def test_a_request_that_was_cut_off_may_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    client = api_client()
    monkeypatch.setattr(idempotency, "_keep", lambda *_: None)
    send(client, "POST", EVENTS, EVENT, idempotency_key="k")
    error_of(send(client, "POST", EVENTS, EVENT, idempotency_key="k"), 409)

    later = idempotency.time.time() + idempotency.IN_FLIGHT_SECONDS + 1
    monkeypatch.setattr(idempotency.time, "time", lambda: later)

    assert send(client, "POST", EVENTS, EVENT, idempotency_key="k").status_code == 202


def test_a_key_is_forgotten_after_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    client = api_client()
    first = send(client, "POST", EVENTS, EVENT, idempotency_key="k")
    (row,) = AnswerRow.scan(AnswerRow.fingerprint.exists())
    later = row.expires_at.timestamp() + 1
    monkeypatch.setattr(idempotency.time, "time", lambda: later)

    again = send(client, "POST", EVENTS, {**EVENT, "type": "cart"}, idempotency_key="k")

    assert again.status_code == 202
    assert again.json() != first.json()


def test_an_answer_too_large_to_keep_is_given_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "_LARGEST_ANSWER", 10)
    client = api_client()

    for status in (201, 200):
        answer = send(client, "POST", "/api/v1/users/", {"user_id": "a"}, idempotency_key="k")
        assert answer.status_code == status
        assert "Idempotency-Replayed" not in answer
