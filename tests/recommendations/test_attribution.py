"""Recommendation ids say what an answer was for, and nobody else can make them."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.validation import Id
from recommendations.attribution import (
    LONGEST_PLACEMENT,
    LONGEST_VARIANT,
    RECOMMENDERS,
    Origin,
    PlacementName,
    make_id,
    read_id,
)

NOW = datetime(2026, 11, 22, 5, 30, 1, tzinfo=UTC)
HOME = Origin(recommender="personal", placement="home", variant="b", made_at=NOW)
_NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]*", fullmatch=True)


@given(
    st.sampled_from(RECOMMENDERS),
    st.just("") | _NAMES.filter(lambda name: len(name) <= LONGEST_PLACEMENT),
    st.just("") | _NAMES.filter(lambda name: len(name) <= LONGEST_VARIANT),
)
def test_an_id_gives_back_what_it_was_made_of(
    recommender: str, placement: str, variant: str
) -> None:
    origin = Origin(recommender=recommender, placement=placement, variant=variant, made_at=NOW)

    text = make_id(origin, secret="s1")

    assert msgspec.convert(text, Id) == text
    assert read_id(text, secrets=["s1"]) == origin


def test_the_longest_names_fit_and_longer_ones_are_refused() -> None:
    longest = Origin(
        recommender="recently_viewed",
        placement="p" * LONGEST_PLACEMENT,
        variant="v" * LONGEST_VARIANT,
        made_at=NOW,
    )
    text = make_id(longest, secret="s1")
    assert len(text) < 128
    assert read_id(text, secrets=["s1"]) == longest
    with pytest.raises(ValueError, match="too long"):
        make_id(Origin(recommender="popular", placement="p" * 41, made_at=NOW), secret="s1")


def test_each_answer_has_an_id_of_its_own() -> None:
    assert len({make_id(HOME, secret="s1") for _ in range(100)}) == 100


def test_an_id_outlives_the_change_of_the_secret_while_the_old_one_is_kept() -> None:
    text = make_id(HOME, secret="old")

    assert read_id(text, secrets=["new", "old"]) == HOME
    assert read_id(text, secrets=["new"]) is None


@pytest.mark.parametrize(
    "text",
    [None, "", "r_", "r_AAAA", "r_!!!!", "r_" + "A" * 60, "r_é" + "A" * 60,
     "r_aa2f0b2520209c7bfc113840", "r_" + "A" * 61, "x" * 128, "r_" + "A" * 10_000],
)  # fmt: skip
def test_what_we_did_not_make_says_nothing(text: str | None) -> None:
    assert read_id(text, secrets=["s1"]) is None


def test_no_character_can_be_changed_added_or_left_out() -> None:
    text = make_id(HOME, secret="s1")
    other = {place: "A" if text[place] != "A" else "B" for place in range(len(text))}
    forged = [text[:place] + new + text[place + 1 :] for place, new in other.items()]
    forged += [text[:place] + text[place + 1 :] for place in range(len(text))]
    forged += [text + end for end in ("A", "=", "==", " ", "\n")] + [f"r_ {text[2:]}"]

    assert [read_id(one, secrets=["s1"]) for one in forged] == [None] * len(forged)


@given(st.text(max_size=140))
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert read_id(f"r_{text}", secrets=["s1"]) is None


def test_a_placement_cannot_be_called_like_the_answers_without_one() -> None:
    assert msgspec.convert("directory", PlacementName) == "directory"
    for name in ("direct", "-", "", "Home", "a b", "a\n", "x" * 41):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(name, PlacementName)
