"""The data sets of the benchmarks, as interactions."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from recommendations.engine.interactions import Interactions, InteractionsBuilder, no_baskets

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = 1 << 20


def online_retail(data: Path) -> Interactions:
    """Return the sold products of known customers: no cancellations, fees or free goods."""
    builder = InteractionsBuilder()
    with gzip.open(data / "online_retail.csv.gz", "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            sold = float(row["Quantity"]) > 0 and float(row["UnitPrice"]) > 0
            product = row["StockCode"][:5].isdigit()
            cancelled = row["InvoiceNo"].startswith("C")
            if sold and product and not cancelled and row["CustomerID"]:
                at = datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=UTC)
                builder.add(
                    row["CustomerID"].removesuffix(".0"),
                    row["StockCode"],
                    weight=1.0,
                    time=at.timestamp(),
                    basket=row["InvoiceNo"],
                )
    return builder.build()


def gowalla(data: Path) -> tuple[Interactions, Interactions]:
    """Return the published split; it has no times, so all are zero."""
    train, test = (_pairs(data / "gowalla" / f"{name}.txt.gz") for name in ("train", "test"))
    user_ids = tuple(f"{code:06}" for code in range(1 + max(train[0].max(), test[0].max())))
    item_ids = tuple(f"{code:06}" for code in range(1 + max(train[1].max(), test[1].max())))
    return tuple(  # type: ignore[return-value]
        Interactions.from_columns(users=users, items=items, user_ids=user_ids, item_ids=item_ids)
        for users, items in (train, test)
    )


def zipf(n_events: int, *, n_users: int, n_items: int, seed: int) -> Interactions:
    """Return a synthetic shop: a few items and users have most of the events, as in life.

    Item popularity falls with ``1 / (rank + 10)``; user activity is lognormal with sigma 1. Seven
    events of ten are views, one a cart, two are purchases (outside orders), all over one year.
    Columns are filled some at a time, so that making the shop takes no more memory than having it.
    """
    random = np.random.default_rng(seed)
    activity = random.lognormal(0.0, 1.0, n_users)
    counts = random.poisson(n_events * activity / activity.sum())
    popularity = np.cumsum(1.0 / (np.arange(n_items) + 10.0))
    users = np.repeat(np.arange(n_users, dtype=np.int32), counts)
    items = np.empty(users.size, dtype=np.int32)
    weight_codes = np.empty(users.size, dtype=np.uint8)
    seconds = np.empty(users.size, dtype=np.uint32)
    for start in range(0, users.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        size = users[part].size
        items[part] = np.searchsorted(popularity, random.random(size) * popularity[-1])
        weight_codes[part] = np.searchsorted([0.7, 0.8], random.random(size))
        seconds[part] = random.integers(0, 365 * 86_400, size)
    return Interactions(
        users=users,
        items=items,
        weight_codes=weight_codes,
        seconds=seconds,
        baskets=no_baskets(users.size),
        weight_values=np.array([0.2, 0.5, 1.0]),
        user_ids=tuple(f"{code:08}" for code in range(n_users)),
        item_ids=tuple(f"{code:08}" for code in range(n_items)),
    )


def _pairs(path: Path) -> tuple[np.ndarray, np.ndarray]:
    users, items = [], []
    with gzip.open(path, "rt", encoding="ascii") as lines:
        for line in lines:
            user, *taken = map(int, line.split())
            users += [user] * len(taken)
            items += taken
    return np.array(users), np.array(items)
