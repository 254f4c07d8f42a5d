"""Which texts are alike."""

import pytest

from recommendations.engine.likeness import most_alike, terms_of


def test_shared_rare_words_count_more_than_shared_frequent_ones() -> None:
    texts = {
        "new": ["red", "retrospot", "mug"],
        "a": ["blue", "retrospot", "plate"],
        "b": ["green", "daisy", "mug"],
        "c": ["white", "heart", "mug"],
        "d": ["pink", "heart", "mug"],
        "e": ["wooden", "frame"],
    }

    found = most_alike(["new"], texts)

    assert [text_id for text_id, _ in found] == ["a", "c", "d", "b"]
    assert found[0][1] > found[1][1]


def test_the_same_text_is_as_alike_as_can_be_and_several_asked_for_add_up() -> None:
    texts = {"a": ["tea", "pot"], "b": ["tea", "pot"], "c": ["cup"], "d": ["cup", "tea"]}

    assert dict(most_alike(["a"], texts))["b"] == pytest.approx(1)
    both = dict(most_alike(["a", "c"], texts))
    assert both["d"] == pytest.approx(
        dict(most_alike(["a"], texts))["d"] + dict(most_alike(["c"], texts))["d"]
    )
    assert most_alike(["gone"], texts) == []


def test_terms_are_words_and_whole_categories_and_labels() -> None:
    found = terms_of(name="Red Mug", categories=["Kitchen, large"], labels=["New"])

    assert found == ["red", "mug", "category kitchen, large", "label new"]
