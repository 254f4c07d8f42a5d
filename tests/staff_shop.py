"""A small shop with something on every page of the staff site, and all ways through the site."""

import html
import itertools
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

from django.http import HttpResponse
from django.test import Client
from django.urls import resolve

from core import audit
from core.staff.resource import Resource
from core.validation import to_key
from project.staff import site
from recommendations.entities import Event, Item, Line
from recommendations.jobs import train
from recommendations.placements import Experiment, Placement, Variant
from recommendations.services import catalogue, dead_letters, events, placements, realtime
from users.backends import staff_user
from users.entities import Customer
from users.permissions import ROLES, Role
from users.services import accounts, customers, keys

PASSWORD = "correct horse battery"
SHELF = ("Teacup", "Saucer", "Teapot", "Cake stand", "Sugar bowl", "Milk jug", "Spoon", "Tray")

RESOURCES = tuple(
    entry for section in site.sections for entry in section.entries if isinstance(entry, Resource)
)
TOOLS = tuple(
    entry
    for section in site.sections
    for entry in section.entries
    if not isinstance(entry, Resource)
)
_LINK = re.compile(r'(?:href|hx-get)="(/admin/[^"#]*)"')
_LEFT_OUT = ("/admin/logout/", "/admin/login/")


def fill() -> None:
    """Sixty users, each with two orders of products that go together, and what staff did."""
    catalogue.save(
        items=[
            Item(
                item_id=f"p{number}",
                name=name,
                price=Decimal("4.25"),
                currency="GBP",
                categories=("Tea",),
                labels=("new",) if number % 2 else (),
                attributes={"material": "china"},
            )
            for number, name in enumerate(SHELF)
        ]
    )
    users = [f"u{number:02}" for number in range(60)]
    customers.save(
        customers=[
            Customer(user_id=user, name="Ann Example", email=f"{user}@example.com", labels=("vip",))
            for user in users
        ]
    )
    start = datetime.now(UTC) - timedelta(days=40)
    pairs = itertools.cycle(itertools.combinations(range(len(SHELF)), 2))
    events.record(
        events=[
            Event(
                event_id=f"o-{user}-{order}",
                timestamp=start + timedelta(hours=9 * number + order),
                type="purchase",
                items=tuple(Line(f"p{item}", 1, Decimal("4.25")) for item in next(pairs)),
                user_id=user,
                order_id=f"{user}-{order}",
            )
            for number, user in enumerate(users)
            for order in range(2)
        ]
    )
    recent = events.recent(limit=100).rows
    keys_of = [(event.actor, f"{to_key(event.timestamp)}#{event.event_id}") for event in recent]
    realtime.follow(keys=keys_of, item_ids={f"p{number}" for number in range(len(SHELF))})
    for _ in range(2):
        train()
    for limit in (10, 4):
        placement = Placement(name="home", recommender="personal", limit=limit)
        placements.save(placement=placement, by="ada")
    variants = (Variant(name="old"), Variant(name="new", recommender="trending"))
    experiment = Experiment(name="summer", variants=variants)
    placements.save(
        placement=Placement(name="shelf", recommender="popular", experiment=experiment), by="ada"
    )
    (event,) = events.recent(limit=1).rows
    change = {
        "ApproximateCreationDateTime": 1_700_000_000,
        "SequenceNumber": "1",
        "Keys": {
            "user_id": {"S": event.actor},
            "timestamp#event_id": {"S": f"{event.timestamp:%Y-%m-%dT%H:%M:%S.%fZ}#gone"},
        },
    }
    dead_letters.keep(records=[{"dynamodb": change}])
    keys.create(name="web shop", scopes=["events:write"], by="ada")
    audit.record(by="ada", action="items.hide", target="p7", before={"available": True})
    for role in ROLES:
        accounts.create(username=role, password=PASSWORD, role=role)


def client_of(role: Role, *, csrf: bool = False) -> Client:
    """Return a client who has logged in with a role."""
    client = Client(enforce_csrf_checks=csrf)
    account = accounts.find_by_username(username=role)
    assert account is not None
    client.force_login(staff_user(account))
    return client


@dataclass(frozen=True)
class Visit:
    """A page, or a part of one, that links led to."""

    url: str
    answer: HttpResponse

    @property
    def text(self) -> str:
        return self.answer.content.decode()

    @property
    def is_page(self) -> bool:
        return "<!DOCTYPE html>" in self.text[:200]

    @property
    def name(self) -> str:
        """Return the name of the page in the site, like ``items_detail``."""
        return str(resolve(urlsplit(self.url).path).url_name)


def walk(client: Client, *, start: str = "/admin/") -> Iterator[Visit]:
    """Follow all links and all parts of pages, one of each kind: not one for each row."""
    waiting, seen = deque([start]), {_kind(start)}
    while waiting:
        url = waiting.popleft()
        visit = Visit(url, client.get(url))
        yield visit
        if not visit.answer.headers["Content-Type"].startswith("text/html"):
            continue
        for found in map(html.unescape, _LINK.findall(visit.text)):
            kind = _kind(found)
            if kind not in seen and not found.startswith(_LEFT_OUT):
                seen.add(kind)
                waiting.append(found)


def _kind(url: str) -> tuple[object, ...]:
    """Return what pages that differ only in what they are about have in common."""
    parts = urlsplit(url)
    match = resolve(parts.path)
    query = parse_qs(parts.query, keep_blank_values=True)
    which = {name: value for name, value in match.kwargs.items() if name != "key"}
    choice = query.get("kind") or query.get("format")
    return match.url_name, str(which), str(sorted(query)), str(choice)
