"""Moments keep their order as text, and errors name the field."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.validation import (
    Attributes,
    Id,
    InvalidInputError,
    Label,
    WebAddress,
    from_iso,
    to_iso,
    to_key,
    validate,
)

moments = st.integers(0, 4_000_000_000_000_000).map(
    lambda microseconds: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)


@given(moments, moments)
def test_keys_sort_as_time_does(first: datetime, second: datetime) -> None:
    assert (to_key(first) < to_key(second)) == (first < second)


@given(moments)
def test_a_moment_comes_back_from_text(moment: datetime) -> None:
    assert from_iso(to_iso(moment)) == from_iso(to_key(moment)) == moment


def test_iso_is_utc_with_fractions_only_where_there_are_any() -> None:
    east = timezone(timedelta(hours=2))

    assert to_iso(datetime(2010, 12, 1, 10, 26, tzinfo=east)) == "2010-12-01T08:26:00Z"
    assert to_iso(datetime(2010, 12, 1, 0, 0, 0, 500_000, tzinfo=UTC)).endswith(":00.500000Z")


class _Pair(msgspec.Struct, forbid_unknown_fields=True):
    left: int
    right: Id = "x"


@pytest.mark.parametrize(
    ("raw", "details"),
    [
        ([{"left": "1"}], {"[0].left": ["Expected `int`, got `str`."]}),
        ([{}], {"[0].left": ["This field is required."]}),
        ([{"left": 1, "up": 2}], {"[0].up": ["This field is not known; remove it."]}),
        (5, {"": ["Expected `array`, got `int`."]}),
    ],
)
def test_an_error_names_the_field_and_the_reason(raw: object, details: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError) as failure:
        validate(list[_Pair], raw)

    assert failure.value.details == details


@pytest.mark.parametrize(
    ("field", "value", "advice"),
    [
        ("id", "a#b", "control characters and '#'"),
        ("label", "a\nb", "control characters"),
        ("address", "ftp://shop.example", "http"),
    ],
)
def test_what_has_the_wrong_form_is_told_what_to_do(field: str, value: str, advice: str) -> None:
    class Thing(msgspec.Struct):
        id: Id = "a"
        label: Label = "b"
        address: WebAddress = "https://shop.example"

    with pytest.raises(InvalidInputError) as failure:
        validate(Thing, {field: value})

    assert advice in failure.value.details[field][0]
    assert "regex" not in str(failure.value)


def test_a_wrong_name_in_a_map_is_told_where() -> None:
    class Thing(msgspec.Struct):
        attributes: Attributes

    with pytest.raises(InvalidInputError) as failure:
        validate(Thing, {"attributes": {"": 1}})

    assert list(failure.value.details) == ["attributes"]


def test_a_word_that_is_none_of_a_few_is_answered_with_these() -> None:
    class Part(msgspec.Struct):
        kind: Literal["cake", "tea"]

    class Whole(msgspec.Struct):
        parts: tuple[Part, ...] = ()
        first: Part | None = None

    for path, raw in (
        ("parts[1].kind", {"parts": [{"kind": "tea"}, {"kind": "coffee"}]}),
        ("first.kind", {"first": {"kind": ""}}),
    ):
        with pytest.raises(InvalidInputError) as caught:
            validate(Whole, raw)
        assert caught.value.details == {path: ["Give one of: cake, tea."]}
