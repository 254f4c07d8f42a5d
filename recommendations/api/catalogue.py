"""The catalogue, over REST."""

from typing import Annotated, Any

import msgspec

from core.api.bodies import changes_of, read_rows, with_changes, with_key
from core.api.errors import ApiError
from core.api.operations import ApiView, operation
from core.api.queries import ListQuery, Results, SearchText, position_of, results
from core.api.schema import BulkAnswer
from core.validation import validate
from recommendations.entities import Item, ItemFields
from recommendations.services import catalogue

_READ = "catalog:read"
_WRITE = "catalog:write"
ItemChanges = changes_of(Item)


class ItemQuery(ListQuery, frozen=True, kw_only=True):
    """What to list: by words or the beginning of an id, by category, by availability."""

    q: SearchText = ""
    category: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    available: bool | None = None


def missing_item() -> ApiError:
    return ApiError(404, "There is no item with this id.")


class Items(ApiView):
    @operation("List items", scope=_READ, query=ItemQuery, answer=Results[Item])
    def get(self, query: ItemQuery) -> Any:
        """In order of id; with `q`, in that of what matched: words of the name or the id."""
        position = position_of(self.request, query)
        filters: dict[str, Any] = {"category": query.category, "available": query.available}
        if query.q:
            page = catalogue.search(text=query.q, limit=query.limit, position=position, **filters)
        else:
            page = catalogue.listing(limit=query.limit, position=position, **filters)
        return results(self.request, page)

    @operation(
        "Save item",
        scope=_WRITE,
        body=Item,
        answer=Item,
        status=201,
        creates="item_id",
        idempotent=True,
    )
    def post(self, body: Item) -> Item:
        """Creates an item, or replaces the one with this id."""
        catalogue.save(items=[body])
        return body


class ItemDetail(ApiView):
    @operation("Get item", scope=_READ, answer=Item)
    def get(self, item_id: str) -> Item:
        item = catalogue.find(item_id=item_id)
        if item is None:
            raise missing_item()
        return item

    @operation("Put item", scope=_WRITE, body=ItemFields, by_row=True, answer=Item)
    def put(self, item_id: str, body: Any) -> Item:
        """Creates or replaces the item: what the body leaves out is cleared."""
        item = with_key(Item, body, "item_id", item_id)
        catalogue.save(items=[item])
        return item

    @operation("Change item", scope=_WRITE, body=ItemChanges, answer=Item)
    def patch(self, item_id: str, body: msgspec.Struct) -> Item:
        """Changes the fields in the body; lists and maps are replaced whole."""
        item = catalogue.find(item_id=item_id)
        if item is None:
            raise missing_item()
        item = with_changes(item, body, key="item_id")
        catalogue.save(items=[item])
        return item

    @operation("Delete item", scope=_WRITE, status=204)
    def delete(self, item_id: str) -> None:
        """Takes the item out of the catalogue, and out of every list at the next answer."""
        if not catalogue.delete(item_id=item_id):
            raise missing_item()


class ItemsBulk(ApiView):
    @operation(
        "Save items",
        scope=_WRITE,
        body=list[Item],
        by_row=True,
        answer=BulkAnswer,
        idempotent=True,
    )
    def post(self, body: Any) -> dict[str, Any]:
        """Creates or replaces up to 1,000 items; of two with one id the later one counts."""
        rows = read_rows(body, lambda raw: validate(Item, raw))
        catalogue.save(items=[item for _, item in rows.accepted])
        return rows.answer
