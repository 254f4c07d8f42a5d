from __future__ import annotations

import pytest

from recommendations.engine.interactions import InteractionsBuilder
from recommendations.engine.popularity import popular, trending

DAY = 86_400.0


@pytest.fixture
def interactions():
    builder = InteractionsBuilder()
    for user, item, day in [("a", "old", 0), ("b", "old", 1), ("c", "new", 29), ("c", "mid", 20)]:
        builder.add(user, item, weight=1.0, time=day * DAY)
    return builder.build()


def test_popular_counts_all_time_and_breaks_ties_by_id(interactions):
    assert popular(interactions, 10) == [("old", 2.0), ("mid", 1.0), ("new", 1.0)]


def test_trending_counts_the_window_only(interactions):
    assert trending(interactions, 10, now=30 * DAY) == [("mid", 1.0), ("new", 1.0)]
    assert trending(interactions, 10, now=30 * DAY, window_days=5) == [("new", 1.0)]


def test_lists_end_at_k(interactions):
    assert len(popular(interactions, 1)) == 1


def test_no_events_make_empty_lists():
    assert popular(InteractionsBuilder().build(), 5) == []
    assert trending(InteractionsBuilder().build(), 5, now=0.0) == []
