"""The catalogue, over REST."""

from typing import Annotated, Any

import msgspec

from core.api.queries import ListQuery, SearchText
from core.api.resources import Resource, bulk, collection, detail
from core.pages import Page
from recommendations.entities import Item, ItemFields
from recommendations.services import catalogue


class ItemQuery(ListQuery, frozen=True, kw_only=True):
    """What to list: by words or the beginning of an id, by category, by availability."""

    q: SearchText = ""
    category: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    available: bool | None = None


def _page(query: ItemQuery, position: Any) -> Page[Item]:
    filters: dict[str, Any] = {"category": query.category, "available": query.available}
    if query.q:
        return catalogue.search(text=query.q, limit=query.limit, position=position, **filters)
    return catalogue.listing(limit=query.limit, position=position, **filters)


ITEMS = Resource(
    noun="item",
    row=Item,
    fields=ItemFields,
    key="item_id",
    read="catalog:read",
    write="catalog:write",
    query=ItemQuery,
    listed="In order of id; with `q`, in that of what matched: words of the name or the id.",
    page=_page,
    find=lambda item_id: catalogue.find(item_id=item_id),
    save=lambda rows: catalogue.save(items=rows),
    change=lambda item_id, edit: catalogue.change(item_id=item_id, edit=edit),
    delete=lambda item_id: catalogue.delete(item_id=item_id) or None,
    deletion=(
        "Delete",
        "Takes the item out of the catalogue, and out of every list at the next answer.",
        None,
    ),
)
missing_item = ITEMS.missing
Items = collection(ITEMS)
ItemDetail = detail(ITEMS)
ItemsBulk = bulk(ITEMS)
