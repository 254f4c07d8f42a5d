"""What a placement shows: the answer under its name, and a preview of changes to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from recommendations.entities import SESSION_PREFIX, Item
from recommendations.placements import Placement, PlacementFilters, Variant
from recommendations.profiles import Entry
from recommendations.rules import Filters, Rules
from recommendations.selection import arrange
from recommendations.services import catalogue, recommend
from recommendations.services.recommend import Answer, Recommendation
from recommendations.storage import placements as storage
from recommendations.storage.reads import Reads, Wanted

BY_FILTERS = "filters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who is looking, and at what.

    Attributes
    ----------
    item_ids
        The product that is looked at, or a basket, oldest first.
    """

    user_id: str | None = None
    session_id: str | None = None
    item_ids: tuple[str, ...] = ()

    @property
    def actor(self) -> str | None:
        """Return who is dealt to a variant: the user, or else the session."""
        if self.user_id is None and self.session_id is not None:
            return f"{SESSION_PREFIX}{self.session_id}"
        return self.user_id


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A product that filters and rules keep out of the list, and which: `BY_FILTERS`, ``bury[0]``.

    No reason says that others have moved up.
    """

    item_id: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a placement would show.

    Attributes
    ----------
    variant
        Of its experiment that is shown; empty without one.
    current
        What is shown under its name now; None where there is nothing under it.
    plain
        What the recommender and the fallbacks alone would show.
    proposed
        What it would show; each product with the rules that had a part in its place.
    left_out
        What ``plain`` has and ``proposed`` has not.
    """

    variant: str
    current: tuple[Recommendation, ...] | None
    plain: tuple[Recommendation, ...]
    proposed: tuple[Recommendation, ...]
    left_out: tuple[LeftOut, ...]


def serve(
    *,
    name: str,
    visit: Visit,
    filters: Sequence[Filters] = (),
    limit: int | None = None,
    exclude_purchased: bool | None = None,
    explain: bool = False,
    reads: Reads | None = None,
) -> Answer | None:
    """Answer under a placement's name, in at most three round trips; None where there is none.

    Parameters
    ----------
    filters
        A product must pass these and the placement's.
    limit, exclude_purchased
        As the placement says when omitted.
    reads
        What the request has read already.
    """
    reads = reads or Reads()
    users = () if visit.user_id is None else (visit.user_id,)
    # The placement comes together with what any recommender needs.
    reads.fetch(Wanted(users=users, placements=[name]))
    stored = reads.placement(name)
    if stored is None:
        return None
    variant = stored.placement.variant_for(visit.actor)
    return _answer(
        stored.placement,
        variant,
        visit,
        reads=reads,
        filters=filters,
        limit=limit,
        exclude_purchased=exclude_purchased,
        explain=explain,
    )


def _answer(
    placement: Placement,
    variant: Variant | None,
    visit: Visit,
    *,
    reads: Reads | None = None,
    filters: Sequence[Filters] = (),
    limit: int | None = None,
    exclude_purchased: bool | None = None,
    explain: bool = False,
) -> Answer:
    seen = placement.as_seen_in(variant)
    return recommend.serve(
        recommender=seen.recommender,
        user_id=visit.user_id,
        item_ids=visit.item_ids,
        filters=(*filters, seen.filters),
        rules=seen.rules,
        fallbacks=seen.fallbacks,
        limit=seen.limit if limit is None else limit,
        explain=explain,
        exclude_purchased=(
            seen.exclude_purchased if exclude_purchased is None else exclude_purchased
        ),
        placement=seen.name,
        variant="" if variant is None else variant.name,
        reads=reads,
    )


def preview(*, placement: Placement, visit: Visit, variant: str = "") -> Preview:
    """Return what a placement would show, saved or not, beside what is shown now.

    Parameters
    ----------
    variant
        Show this one in place of that of the user or session.
    """
    chosen = placement.variant(variant) or placement.variant_for(visit.actor)
    seen = placement.as_seen_in(chosen)
    bare = msgspec.structs.replace(seen, filters=PlacementFilters(), rules=Rules())
    stored = storage.find(name=placement.name)
    current = None
    if stored is not None:
        # The same side of the experiment, where it was there before.
        before = stored.placement.variant(chosen.name) if chosen is not None else None
        current = _answer(
            stored.placement, before or stored.placement.variant_for(visit.actor), visit
        ).results
    plain = _answer(bare, None, visit).results
    proposed = _answer(seen, None, visit).results
    return Preview(
        variant="" if chosen is None else chosen.name,
        current=current,
        plain=plain,
        proposed=proposed,
        left_out=_left_out(plain, proposed, seen),
    )


def _left_out(
    plain: Sequence[Recommendation], proposed: Sequence[Recommendation], seen: Placement
) -> tuple[LeftOut, ...]:
    shown = {row.item_id for row in proposed}
    gone = [row for row in plain if row.item_id not in shown]
    items = catalogue.find_many(item_ids=[row.item_id for row in (*proposed, *gone)])
    ruled = _rules_about([*proposed, *gone], seen.rules, items, limit=len(proposed))
    return tuple(
        LeftOut(
            row.item_id,
            ruled.get(row.item_id, ())
            if _passes(row.item_id, seen.filters, items)
            else (BY_FILTERS,),
        )
        for row in gone
    )


def _passes(item_id: str, filters: Filters, items: Mapping[str, Item]) -> bool:
    item = items.get(item_id)
    return item_id not in filters.exclude and (item is None or filters.admit(item))


def _rules_about(
    rows: Sequence[Recommendation], rules: Rules, items: Mapping[str, Item], *, limit: int
) -> dict[str, tuple[str, ...]]:
    """Return the rules that are about products which did not make it into the list."""
    entries = [Entry(row.item_id, row.score, row.source) for row in rows]
    whole = arrange(entries, limit=len(entries), items=items, rules=rules).shown
    capped = arrange(entries, limit=limit, items=items, rules=rules).capped
    return {each.entry.item_id: each.rules for each in (*whole, *capped)}
