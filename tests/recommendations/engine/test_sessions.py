"""What goes with a session: similar products, and what came after the last ones."""

import pytest

from recommendations.engine.packing import Neighbour, Neighbours
from recommendations.engine.rank import HistoryItem, rank
from recommendations.engine.sessions import session_neighbours


def rows(**near: list[tuple[str, float]]) -> dict[str, Neighbours]:
    return {
        item: Neighbours.of(Neighbour(other, w, 3) for other, w in row)
        for item, row in near.items()
    }


def scores(items: list[str], **models: dict[str, Neighbours]) -> dict[str, float]:
    near = session_neighbours(items, **models)
    history = [HistoryItem(item, 1.0, "session", "", "") for item in items]
    found = rank(history=history, neighbours=near, exclude=items, limit=10, causes=9)
    for row in found:
        assert sum(cause.share for cause in row.causes) == pytest.approx(1, abs=1e-5)
    return {row.item_id: row.score for row in found}


def test_what_came_next_counts_a_tenth_of_what_is_similar_whatever_its_scale() -> None:
    similar = rows(a=[("x", 0.4), ("y", 0.1)])

    found = scores(["a"], similar=similar, following=rows(a=[("y", 800.0), ("z", 200.0)]))

    assert found == pytest.approx({"x": 0.4, "y": 0.1 + 0.04, "z": 0.01})


def test_what_came_after_the_last_product_counts_most_and_only_five_count() -> None:
    items = ["a", "b", "c", "d", "e", "f"]
    following = rows(**{item: [(f"after-{item}", 1.0)] for item in items})

    found = scores(items, similar={}, following=following)

    assert found == pytest.approx(
        {"after-f": 1, "after-e": 0.7, "after-d": 0.49, "after-c": 0.343, "after-b": 0.2401}
    )


def test_one_part_alone_answers_too() -> None:
    similar = rows(a=[("x", 0.4)])

    assert scores(["a", "b"], similar=similar, following={}) == pytest.approx({"x": 0.4})
    assert scores(["a"], similar={}, following={}) == {}
