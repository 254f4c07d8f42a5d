"""Placements, over REST: configure them, and recommend under their names."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from core import audit
from core.api.answers import Saved
from core.api.bodies import with_key
from core.api.errors import ApiError, retry_later
from core.api.operations import ApiView, operation
from core.api.queries import ListQuery, Results, position_of, results
from core.pages import Page
from core.validation import Id
from recommendations.api.recommend import Limit, RecommendedList, RecommendQuery, present
from recommendations.attribution import PlacementName, VariantName
from recommendations.placements import Placement, PlacementFields
from recommendations.services import placement_lists, placements
from recommendations.services.placement_lists import Visit
from recommendations.services.placements import (
    Change,
    ContendedPlacementError,
    PlacementChangedError,
    StoredPlacement,
    UnknownVersionError,
)
from recommendations.services.recommend import Recommendation

retry_later(ContendedPlacementError)

_READ = ("recommendations:read", "placements:write")
_WRITE = "placements:write"
_Items = Annotated[tuple[Id, ...], msgspec.Meta(max_length=100)]
_Version = Annotated[
    int,
    msgspec.Meta(
        ge=0,
        le=10**8,
        description="The version that serves now, 0 for none: refused with 409 when it no longer "
        "is. Leave it out to replace whatever there is.",
    ),
]


class PlacementBody(PlacementFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A placement, and the number of the version that it replaces."""

    version: _Version | None = None


class VersionedPlacement(Placement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A placement, and the number of its version."""

    version: _Version | None = None

    @property
    def placement(self) -> Placement:
        return Placement(**{name: getattr(self, name) for name in Placement.__struct_fields__})


class PlacementVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A placement as it was saved; null when that change was to delete it."""

    version: int
    saved_at: str
    saved_by: str
    note: str
    placement: Placement | None


class RevertBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which version to bring back."""

    version: Annotated[int, msgspec.Meta(ge=1, le=10**8)]


class PreviewBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A placement that need not be saved, and who is looking at what."""

    placement: Placement
    user_id: Id | None = None
    session_id: Id | None = None
    item_ids: _Items = ()
    variant: VariantName | None = None


class PreviewedItem(msgspec.Struct, frozen=True, kw_only=True):
    """A product of a list; ``rules`` names the rules about it by their path: `boost[0]`."""

    item_id: str
    score: float
    source: str
    rules: tuple[str, ...]


class LeftOutItem(msgspec.Struct, frozen=True, kw_only=True):
    """A product that is kept out, by `filters` or by rules; no reason: others have moved up."""

    item_id: str
    reasons: tuple[str, ...]


class PlacementPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a placement would show, beside what is shown under its name now.

    ``plain`` is what the recommender alone would show, ``left_out`` what it shows and the
    placement does not.
    """

    variant: str
    current: tuple[PreviewedItem, ...] | None
    plain: tuple[PreviewedItem, ...]
    proposed: tuple[PreviewedItem, ...]
    left_out: tuple[LeftOutItem, ...]


class PlacementQuery(RecommendQuery, frozen=True, kw_only=True):
    """Who is looking at what; ``limit`` and ``exclude_purchased`` are the placement's by default.

    ``item_id`` is the product of the page or, repeated, those of a basket, oldest first.
    """

    limit: Limit | None = None  # type: ignore[assignment]
    exclude_purchased: bool | None = None  # type: ignore[assignment]
    user_id: Id | None = None
    session_id: Id | None = None
    item_id: _Items = ()


def _missing() -> ApiError:
    return ApiError(404, "There is no placement of this name.")


def _versioned(stored: StoredPlacement) -> VersionedPlacement:
    fields = {name: getattr(stored.placement, name) for name in Placement.__struct_fields__}
    return VersionedPlacement(**fields, version=stored.number)


def _rows(rows: Sequence[Recommendation]) -> tuple[PreviewedItem, ...]:
    return tuple(
        PreviewedItem(item_id=row.item_id, score=row.score, source=row.source, rules=row.rules)
        for row in rows
    )


class _PlacementView(ApiView):
    def _written_down(self, action: str, name: str, change: Change) -> None:
        if change.before != change.after:
            audit.record(
                by=str(self.request.user),
                action=f"placements.{action}",
                target=name,
                **change.differences(),
            )


class Placements(ApiView):
    @operation("List placements", scope=_READ, query=ListQuery, answer=Results[VersionedPlacement])
    def get(self, query: ListQuery) -> Any:
        """In order of name."""
        page = placements.listing(limit=query.limit, position=position_of(self.request, query))
        rows = tuple(_versioned(row) for row in page.rows)
        return results(self.request, Page(rows, page.next))


class PlacementDetail(_PlacementView):
    @operation("Get placement", scope=_READ, answer=VersionedPlacement)
    def get(self, name: PlacementName) -> VersionedPlacement:
        stored = placements.find(name=name)
        if stored is None:
            raise _missing()
        return _versioned(stored)

    @operation(
        "Put placement",
        scope=_WRITE,
        body=PlacementBody,
        by_row=True,
        answer=VersionedPlacement,
        saves=True,
        idempotent=True,
    )
    def put(self, name: PlacementName, body: Any) -> Saved:
        """Creates or replaces it, from the next request on: what the body leaves out is cleared.

        What a GET answered can be sent back with changes; its `version` makes sure that nobody
        else's change in between is undone.
        """
        row = with_key(VersionedPlacement, body, "name", name)
        try:
            change = placements.save(
                placement=row.placement, by=str(self.request.user), replaces=row.version
            )
        except PlacementChangedError as error:
            raise ApiError(409, f"Not saved: {error}.") from error
        self._written_down("save", name, change)
        return Saved(_versioned(change.after), is_new=change.before is None)

    @operation("Delete placement", scope=_WRITE, status=204)
    def delete(self, name: PlacementName) -> None:
        """Its name is unknown from the next request on; its versions stay."""
        change = placements.delete(name=name, by=str(self.request.user))
        if change.before is None:
            raise _missing()
        self._written_down("delete", name, change)


class PlacementVersions(ApiView):
    @operation(
        "List placement versions", scope=_READ, query=ListQuery, answer=Results[PlacementVersion]
    )
    def get(self, name: PlacementName, query: ListQuery) -> Any:
        """Newest first, the last 50; also those of a deleted placement."""
        position = position_of(self.request, query)
        page = placements.history(name=name, limit=query.limit, position=position)
        if not page.rows and position is None:
            raise _missing()
        rows = tuple(
            PlacementVersion(
                version=row.number,
                saved_at=row.saved_at,
                saved_by=row.saved_by,
                note=row.note,
                placement=row.placement,
            )
            for row in page.rows
        )
        return results(self.request, Page(rows, page.next))


class RevertPlacement(_PlacementView):
    @operation(
        "Revert placement",
        scope=_WRITE,
        body=RevertBody,
        answer=VersionedPlacement,
        idempotent=True,
    )
    def post(self, name: PlacementName, body: RevertBody) -> VersionedPlacement:
        """Saves an earlier version again, as a new one; also after the placement was deleted."""
        try:
            change = placements.revert(name=name, number=body.version, by=str(self.request.user))
        except UnknownVersionError as error:
            raise ApiError(404, f"Not reverted: {error}.") from error
        self._written_down("revert", name, change)
        return _versioned(change.after)


class PreviewPlacement(ApiView):
    @operation("Preview placement", scope=_READ, body=PreviewBody, answer=PlacementPreview)
    def post(self, body: PreviewBody) -> PlacementPreview:
        """Changes nothing: shows what a placement would give, saved or not, and which rules did it.

        `variant` asks for that side of its experiment, in place of the user's own.
        """
        visit = Visit(user_id=body.user_id, session_id=body.session_id, item_ids=body.item_ids)
        found = placement_lists.preview(
            placement=body.placement, visit=visit, variant=body.variant or ""
        )
        return PlacementPreview(
            variant=found.variant,
            current=None if found.current is None else _rows(found.current),
            plain=_rows(found.plain),
            proposed=_rows(found.proposed),
            left_out=tuple(
                LeftOutItem(item_id=row.item_id, reasons=row.reasons) for row in found.left_out
            ),
        )


class PlacementRecommendations(ApiView):
    @operation(
        "Recommend for placement",
        scope="recommendations:read",
        query=PlacementQuery,
        answer=RecommendedList,
    )
    def get(self, name: PlacementName, query: PlacementQuery) -> RecommendedList:
        """What the staff configured under this name, with the variant of the user or session."""
        visit = Visit(user_id=query.user_id, session_id=query.session_id, item_ids=query.item_id)
        answer = placement_lists.serve(
            name=name,
            visit=visit,
            filters=[query.filters()],
            limit=query.limit,
            exclude_purchased=query.exclude_purchased,
            explain=query.explain,
        )
        if answer is None:
            raise _missing()
        return present(answer, query)
