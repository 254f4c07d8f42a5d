"""Resources: rows of one kind over REST, with the operations that all of them have.

An app says what its rows are and which services keep them; `collection`, `detail` and `bulk` make
the views.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from core.api.answers import BulkAnswer, Saved
from core.api.bodies import changes_of, read_rows, with_changes, with_key
from core.api.errors import ApiError
from core.api.operations import ApiView, operation
from core.api.queries import ListQuery, Results, position_of, results
from core.pages import Page
from core.validation import validate

_S = TypeVar("_S", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource(Generic[_S]):
    """One kind of row over REST.

    Attributes
    ----------
    noun
        What a row is called, in the singular.
    row, fields
        The struct of a row, and of a row without its key, which is what a PUT sends.
    key
        The field that identifies a row; also its name in addresses.
    read, write
        The scopes of reading and of all else.
    listed
        What the list is in order of, for the documentation.
    page
        Returns a page of the list, given the query and the position in the list.
    find, save
    change
        Replaces a row by what a function makes of it, undoing nobody else's change; returns what
        is stored then, or None when there is no such row.
    delete
        Deletes a row. Returns what to answer, or None when there was nothing.
    deletion
        What that is called, what it does, and the type of its answer; without one it is a 204.
    """

    noun: str
    row: type[_S]
    fields: type[msgspec.Struct]
    key: str
    read: str
    write: str
    query: type[ListQuery]
    listed: str
    page: Callable[[Any, Any], Page[_S]]
    find: Callable[[str], _S | None]
    save: Callable[[Sequence[_S]], Collection[str]]
    change: Callable[[str, Callable[[_S], _S]], _S | None]
    delete: Callable[[str], Any]
    deletion: tuple[str, str, Any]

    def missing(self) -> ApiError:
        """Return the answer to an id that nothing has."""
        return ApiError(404, f"There is no {self.noun} with this id.")


def collection(resource: Resource[_S]) -> type[ApiView]:
    """Make the view of all rows: list them, save one."""
    noun = resource.noun

    class Collection(ApiView):
        @operation(
            f"List {noun}s",
            description=resource.listed,
            scope=resource.read,
            query=resource.query,
            answer=Results[resource.row],  # type: ignore[name-defined]  # only for the documentation
        )
        def get(self, query: ListQuery) -> Any:
            return results(self.request, resource.page(query, position_of(self.request, query)))

        @operation(
            f"Save {noun}",
            description=f"Creates one, or replaces the {noun} with this id.",
            scope=resource.write,
            body=resource.row,
            answer=resource.row,
            saves=True,
            creates=resource.key,
            idempotent=True,
        )
        def post(self, body: _S) -> Saved:
            replaced = resource.save([body])
            return Saved(body, is_new=not replaced)

    return Collection


def detail(resource: Resource[_S]) -> type[ApiView]:
    """Make the view of one row: get, put, change and delete it."""
    noun, key = resource.noun, resource.key
    changes = changes_of(resource.row)
    verb, deletion, receipt = resource.deletion

    class Detail(ApiView):
        @operation(f"Get {noun}", scope=resource.read, answer=resource.row, row_key=key)
        def get(self, row_id: str) -> _S:
            return self._found(resource.find(row_id))

        @operation(
            f"Put {noun}",
            description=f"Creates or replaces the {noun}: what the body leaves out is cleared.",
            scope=resource.write,
            body=resource.fields,
            by_row=True,
            answer=resource.row,
            saves=True,
            row_key=key,
        )
        def put(self, row_id: str, body: Any) -> Saved:
            row = with_key(resource.row, body, key, row_id)
            replaced = resource.save([row])
            return Saved(row, is_new=not replaced)

        @operation(
            f"Change {noun}",
            description="Changes the fields in the body; lists and maps are replaced whole.",
            scope=resource.write,
            body=changes,
            answer=resource.row,
            row_key=key,
        )
        def patch(self, row_id: str, body: msgspec.Struct) -> _S:
            return self._found(
                resource.change(row_id, lambda row: with_changes(row, body, key=key))
            )

        @operation(
            f"{verb} {noun}",
            description=deletion,
            scope=resource.write,
            answer=receipt,
            status=204 if receipt is None else 200,
            row_key=key,
        )
        def delete(self, row_id: str) -> Any:
            answer = self._found(resource.delete(row_id))
            return None if receipt is None else answer

        @staticmethod
        def _found(row: Any) -> Any:
            if row is None:
                raise resource.missing()
            return row

    return Detail


def bulk(resource: Resource[_S]) -> type[ApiView]:
    """Make the view that saves many rows at once."""
    noun = resource.noun

    class Bulk(ApiView):
        @operation(
            f"Save {noun}s",
            description=(
                f"Creates or replaces up to 1,000 {noun}s; of two with one id the later one counts."
            ),
            scope=resource.write,
            body=list[resource.row],  # type: ignore[name-defined]  # only for the documentation
            by_row=True,
            answer=BulkAnswer,
            idempotent=True,
        )
        def post(self, body: Any) -> dict[str, Any]:
            rows = read_rows(body, lambda raw: validate(resource.row, raw))
            resource.save([row for _, row in rows.accepted])
            return rows.answer

    return Bulk
