"""Small shops for the engine's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from recommendations.engine.interactions import InteractionsBuilder

if TYPE_CHECKING:
    from recommendations.engine.interactions import Interactions

DAY = 86_400.0


@pytest.fixture(scope="session")
def shop() -> Interactions:
    """120 users in three circles of taste over 60 items and 100 days, with repeats and orders."""
    random = np.random.default_rng(7)
    builder = InteractionsBuilder()
    for user in range(120):
        circle = user % 3
        for order in range(int(random.integers(2, 7))):
            time = float(random.uniform(0, 100)) * DAY
            for _ in range(int(random.integers(1, 6))):
                own = random.random() < 0.8
                item = circle * 20 + int(20 * random.random() ** 2) if own else random.integers(60)
                builder.add(
                    f"u{user:03}", f"i{item:02}", weight=1.0, time=time, basket=f"{user}-{order}"
                )
    return builder.build()
