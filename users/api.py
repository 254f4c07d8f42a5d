"""The customers of the shop, over REST."""

from typing import Any

from core.api.errors import ApiError
from core.api.operations import ApiView, operation
from core.api.queries import ListQuery, SearchText
from core.api.resources import Resource, bulk, collection, detail
from core.pages import Page
from users.entities import Customer, CustomerFields
from users.services import customers
from users.services.customers import ErasureReceipt, ErasureUnfinishedError


class CustomerQuery(ListQuery, frozen=True, kw_only=True):
    """``q``: what the id, the e-mail address or a label begins with, whatever the case."""

    q: SearchText = ""


def _page(query: CustomerQuery, position: Any) -> Page[Customer]:
    if query.q:
        return customers.search(text=query.q, limit=query.limit, position=position)
    return customers.listing(limit=query.limit, position=position)


def _erase(user_id: str) -> ErasureReceipt | None:
    try:
        receipt = customers.erase(user_id=user_id)
    except ErasureUnfinishedError as error:
        rows = sum(error.erased.values())
        message = f"{rows} rows are erased, and there are more. Send the same request to go on."
        raise ApiError(503, message, headers={"Retry-After": "1"}) from error
    return None if receipt.is_empty else receipt


USERS = Resource(
    noun="user",
    row=Customer,
    fields=CustomerFields,
    key="user_id",
    read="users:read",
    write="users:write",
    query=CustomerQuery,
    listed="In order of id; with `q`, those whose id, e-mail address or label begins with it.",
    page=_page,
    find=lambda user_id: customers.find(user_id=user_id),
    save=lambda rows: customers.save(customers=rows),
    change=lambda user_id, edit: customers.change(user_id=user_id, edit=edit),
    delete=_erase,
    deletion=(
        "Erase",
        "Erases the user and every row derived from it. Of somebody with so many events that it "
        "would take longer than 15 seconds, a part is erased: the answer is 503, and the same "
        "request goes on, until there is a receipt, which counts what the last one erased.",
        ErasureReceipt,
    ),
)
Customers = collection(USERS)
CustomerDetail = detail(USERS)
CustomersBulk = bulk(USERS)


class CustomerExport(ApiView):
    @operation("Export user", scope=USERS.read, answer=dict[str, list[Any]])
    def get(self, user_id: str) -> dict[str, list[Any]]:
        """All that is stored about the user: rows by table."""
        document = customers.export(user_id=user_id)
        if not any(document.values()):
            raise USERS.missing()
        return document
