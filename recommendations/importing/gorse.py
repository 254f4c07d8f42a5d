"""Gorse's dumps of users, items and feedback, in the spellings of all its versions."""

import re
from collections.abc import Mapping
from typing import Any

from core.validation import InvalidInputError
from recommendations.importing.columns import Kind
from recommendations.importing.foreign import (
    by_plain_name,
    described,
    event_type,
    moment,
    name_of,
    parsed,
    texts,
)

# Our own fields are all in small letters, so these tell whose file it is.
_OWN = re.compile(rb'"(?:UserId|ItemId|FeedbackType)"\s*:')

# What shops on Gorse call their feedback, by plain name.
TYPES: Mapping[str, str] = {
    **dict.fromkeys(("purchase", "buy", "bought", "order", "pay", "checkout"), "purchase"),
    **dict.fromkeys(("cart", "addtocart", "addcart", "basket"), "cart"),
    **dict.fromkeys(("read", "view", "detailview", "watch", "visit"), "view"),
    **dict.fromkeys(
        ("like", "star", "favorite", "favourite", "bookmark", "wishlist", "upvote", "thumbsup"),
        "like",
    ),
    **dict.fromkeys(("dislike", "downvote", "thumbsdown", "hide", "notinterested"), "dislike"),
    **dict.fromkeys(("click", "clickthrough"), "click"),
    **dict.fromkeys(("impression", "exposure", "show"), "impression"),
}


def recognised(start: bytes) -> bool:
    """Tell by the beginning of a JSON Lines file whether it is one of Gorse's."""
    return _OWN.search(start) is not None


class Gorse:
    """Translates records, and remembers what of them had no place here."""

    def __init__(self, *, kind: Kind, types: Mapping[str, str]) -> None:
        self._kind = kind
        self._types = types
        self.left_out: set[str] = set()

    def __call__(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a record as ours.

        Raises
        ------
        InvalidInputError
            When its type of feedback is not known, or it has no time.
        """
        read = {"users": self._user, "items": self._item, "events": self._feedback}[self._kind]
        given = by_plain_name(fields)
        ours = read(given)
        self.left_out.update(given)
        return {name: value for name, value in ours.items() if value not in (None, [], {})}

    def _user(self, given: dict[str, Any]) -> dict[str, Any]:
        ours = described(given.pop("labels", None), field="Labels", left_out=self.left_out)
        if subscribed := texts(given.pop("subscribe", None)):
            ours["attributes"]["subscribe"] = ", ".join(subscribed)
        return {
            "user_id": given.pop("userid", None),
            "name": name_of(given.pop("comment", None), otherwise=None),
            **ours,
        }

    def _item(self, given: dict[str, Any]) -> dict[str, Any]:
        item_id = given.pop("itemid", None)
        published = given.pop("timestamp", None)
        return {
            "item_id": item_id,
            "name": name_of(given.pop("comment", None), otherwise=item_id),
            "available": not parsed(given.pop("ishidden", False)),
            "categories": texts(given.pop("categories", None)),
            "published_at": None if published is None else moment(published),
            **described(given.pop("labels", None), field="Labels", left_out=self.left_out),
        }

    def _feedback(self, given: dict[str, Any]) -> dict[str, Any]:
        at = moment(given.pop("timestamp", ""))
        if at is None:
            message = "This feedback has no time, so nobody knows what came before it."
            raise InvalidInputError({"timestamp": [message]})
        # A row that Gorse has not changed since has the same time in both.
        given.pop("updated", None)
        return {
            "user_id": given.pop("userid", None),
            "item_id": given.pop("itemid", None),
            "type": event_type(given.pop("feedbacktype", None), TYPES, self._types),
            "timestamp": at,
        }
