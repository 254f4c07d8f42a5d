"""The clients of `benchmarks.load`, for locust: what a shop asks for while people shop.

Every event that was answered with 202 is written down as it was sent, in order, so that what is
stored can be compared with it. What the API asks to be sent again later is sent again.
"""

import itertools
import json
import os
import random
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from locust import FastHttpUser, between, events, task

API = "/api/v1"
BULK = 10
ITEMS = 400
KNOWN_USERS = 100
_PATIENCE = 30
_BUSY = {429, 503}
_SEED = os.environ["LOAD_SEED"]
_SENT = Path(os.environ["LOAD_SENT"]).open("w", encoding="utf-8")  # noqa: SIM115  # until locust ends
_numbers = itertools.count()


class Shopper(FastHttpUser):
    """One client, with four customers of its own."""

    wait_time = between(*(float(part) for part in os.environ["LOAD_PAUSE"].split("-")))
    network_timeout = connection_timeout = 60.0

    def on_start(self) -> None:
        number = next(_numbers)
        self._random = random.Random(f"{_SEED}-{number}")  # noqa: S311  # reproducible
        self._name = f"load-{number}"
        self._places = itertools.count()
        self._shown: str | None = None
        self._sent: deque[dict[str, Any]] = deque(maxlen=50)

    def _ask(self, name: str, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        headers = {"Authorization": f"Api-Key {os.environ['LOAD_KEY']}"}
        for _ in range(_PATIENCE):
            with self.client.request(
                method, f"{API}{path}", json=body, headers=headers, name=name, catch_response=True
            ) as answer:
                if answer.status_code == status:
                    return answer.json()
                seconds = answer.headers.get("Retry-After") if answer.headers else None
                if answer.status_code not in _BUSY or seconds is None:
                    answer.failure(f"{answer.status_code}: {answer.text}")
                    return None
                answer.request_meta["name"] = "asked to wait"
                answer.success()
            time.sleep(float(seconds))
        events.request.fire(
            request_type=method,
            name=name,
            response_time=0,
            response_length=0,
            exception=TimeoutError("never had its turn"),
            context={},
        )
        return None

    def _item(self) -> str:
        return f"item-{min(int(self._random.expovariate(8 / ITEMS)), ITEMS - 1):05}"

    def _event(self) -> dict[str, Any]:
        kind = self._random.choice(["view", "view", "view", "click", "cart", "purchase"])
        lines = self._random.randint(1, 3) if kind == "purchase" else 1
        made = {
            "event_id": f"{self._name}-{next(self._places)}",
            "timestamp": datetime.now(UTC).isoformat(),
            "user_id": f"{self._name}-{self._random.randrange(4)}",
            "type": kind,
            "items": [
                {"item_id": item_id, "quantity": self._random.randint(1, 3), "price": "2.55"}
                for item_id in {self._item() for _ in range(lines)}
            ],
        }
        if self._shown is not None and kind in {"click", "cart", "purchase"}:
            made["recommendation_id"] = self._shown
        return made

    def _store(self, name: str, rows: list[dict[str, Any]], *, bulk: bool = False) -> None:
        answer = self._ask(name, "POST", "/events/", rows if bulk else rows[0], status=202)
        if answer is None or (bulk and answer["rejected"]):
            return
        self._sent.extend(rows)
        _SENT.writelines(f"{json.dumps(row)}\n" for row in rows)

    def _see(self, answer: Any) -> None:
        if answer is not None:
            self._shown = answer["recommendation_id"]

    @task(20)
    def list_for_user(self) -> None:
        known = f"user-{self._random.randrange(KNOWN_USERS):05}"
        user = self._random.choice([known, f"{self._name}-{self._random.randrange(4)}"])
        self._see(self._ask("list for a user", "GET", f"/recommendations/users/{user}/"))

    @task(8)
    def placement(self) -> None:
        user = f"{self._name}-{self._random.randrange(4)}"
        path = f"/recommendations/placements/home/?user_id={user}"
        self._see(self._ask("placement", "GET", path))

    @task(6)
    def similar(self) -> None:
        self._ask("similar items", "GET", f"/items/{self._item()}/similar/")

    @task(4)
    def session(self) -> None:
        body = {"items": [self._item() for _ in range(3)]}
        self._see(self._ask("session", "POST", "/recommendations/session/", body))

    @task(3)
    def trending(self) -> None:
        self._see(self._ask("trending items", "GET", "/recommendations/trending/"))

    @task(14)
    def event(self) -> None:
        self._store("event", [self._event()])

    @task(2)
    def bulk_events(self) -> None:
        self._store("bulk events", [self._event() for _ in range(BULK)], bulk=True)

    @task(4)
    def event_again(self) -> None:
        if self._sent:
            self._store("event again", [self._random.choice(self._sent)])

    @task(3)
    def correction(self) -> None:
        if self._sent:
            known = self._random.choice(self._sent)
            lines = [{**line, "quantity": self._random.randint(4, 9)} for line in known["items"]]
            corrected = {**known, "items": lines}
            self._store("correction", [corrected])
            # What was sent before must not come again: it would be the newest word.
            kept = [row for row in self._sent if row["event_id"] != known["event_id"]]
            self._sent = deque([*kept, corrected], maxlen=50)

    @task(5)
    def item(self) -> None:
        self._ask("item", "GET", f"/items/{self._item()}/")

    @task(2)
    def items(self) -> None:
        self._ask("items", "GET", "/items/?limit=20")

    @task(2)
    def reprice(self) -> None:
        price = f"{self._random.randrange(100, 9900) / 100:.2f}"
        self._ask("reprice", "PATCH", f"/items/{self._item()}/", {"price": price})


@events.quitting.add_listener
def _report(environment: Any, **_: Any) -> None:
    _SENT.close()
    entries = [*environment.stats.entries.values(), environment.stats.total]
    rows = {
        entry.name: {
            "requests": entry.num_requests,
            "errors": entry.num_failures,
            "p50_ms": entry.get_response_time_percentile(0.5),
            "p95_ms": entry.get_response_time_percentile(0.95),
            "p99_ms": entry.get_response_time_percentile(0.99),
        }
        for entry in entries
    }
    problems = [f"{each.name}: {each.error}"[:300] for each in environment.stats.errors.values()]
    summary = {"rows": rows, "errors": problems, "per_second": environment.stats.total.total_rps}
    Path(os.environ["LOAD_REPORT"]).write_text(json.dumps(summary), encoding="utf-8")
