"""What training takes beside the events, counted in bytes of numpy's arrays."""

from __future__ import annotations

import tracemalloc
from collections import deque

import numpy as np
import pytest

from recommendations.engine.evaluate import temporal_split
from recommendations.engine.interactions import Interactions
from recommendations.engine.matrix import user_item_matrix
from recommendations.engine.topk import gram_blocks
from recommendations.engine.trend import trend_factors

EVENTS, USERS, ITEMS = 200_000, 20_000, 500


@pytest.fixture(scope="module")
def many():
    random = np.random.default_rng(5)
    return Interactions.from_columns(
        users=random.integers(0, USERS, EVENTS),
        items=random.integers(0, ITEMS, EVENTS),
        weights=random.choice([0.2, 0.5, 1.0], EVENTS),
        times=random.integers(0, 10_000_000, EVENTS),
        user_ids=tuple(f"{code:05}" for code in range(USERS)),
        item_ids=tuple(f"{code:05}" for code in range(ITEMS)),
    )


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr("recommendations.engine.interactions._BLOCK", 5_000)
    monkeypatch.setattr("recommendations.engine.scaling._ROWS", 500)
    monkeypatch.setattr("recommendations.engine.scaling._ENTRIES", 5_000)


def peak_bytes(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_matrix_takes_nothing_but_itself_and_a_byte_an_event(many):
    matrix_bytes = 12 * EVENTS + 4 * USERS
    assert peak_bytes(lambda: user_item_matrix(many)) < matrix_bytes + 1.5 * EVENTS + 100_000


def test_a_trend_takes_memory_for_items_not_for_events(many):
    assert peak_bytes(lambda: trend_factors(many, now=1e7, half_life_days=15.0)) < 3 * EVENTS


def test_a_split_takes_its_events_and_their_times_once_more(many):
    events_bytes = 13 * EVENTS
    times_and_masks = (4 + 1 + 1) * EVENTS
    assert peak_bytes(lambda: temporal_split(many)) < events_bytes + times_and_masks + 100_000


def test_a_product_holds_no_second_matrix(many):
    matrix = user_item_matrix(many)

    def work():
        deque(gram_blocks(matrix, k=10, threads=1, block_rows=20, block_entries=5_000), maxlen=0)

    assert peak_bytes(work) < 4 * matrix.nnz
