"""The customers of the shop, over REST."""

from typing import Any

import msgspec

from core.api.bodies import changes_of, read_rows, with_changes, with_key
from core.api.errors import ApiError
from core.api.operations import ApiView, operation
from core.api.queries import ListQuery, Results, SearchText, position_of, results
from core.api.schema import BulkAnswer
from core.validation import validate
from users.entities import Customer, CustomerFields
from users.services import customers
from users.services.customers import ErasureReceipt

_READ = "users:read"
_WRITE = "users:write"
CustomerChanges = changes_of(Customer)


class CustomerQuery(ListQuery, frozen=True, kw_only=True):
    """``q``: what the id or the e-mail address begins with."""

    q: SearchText = ""


def _missing() -> ApiError:
    return ApiError(404, "There is no user with this id.")


class Customers(ApiView):
    @operation("List users", scope=_READ, query=CustomerQuery, answer=Results[Customer])
    def get(self, query: CustomerQuery) -> Any:
        """In order of id; with `q`, those whose id or e-mail address begins with it."""
        page = customers.listing(
            prefix=query.q, limit=query.limit, position=position_of(self.request, query)
        )
        return results(self.request, page)

    @operation(
        "Save user",
        scope=_WRITE,
        body=Customer,
        answer=Customer,
        status=201,
        creates="user_id",
        idempotent=True,
    )
    def post(self, body: Customer) -> Customer:
        """Creates a user, or replaces the one with this id."""
        customers.save(customers=[body])
        return body


class CustomerDetail(ApiView):
    @operation("Get user", scope=_READ, answer=Customer)
    def get(self, user_id: str) -> Customer:
        customer = customers.find(user_id=user_id)
        if customer is None:
            raise _missing()
        return customer

    @operation("Put user", scope=_WRITE, body=CustomerFields, by_row=True, answer=Customer)
    def put(self, user_id: str, body: Any) -> Customer:
        """Creates or replaces the user: what the body leaves out is cleared."""
        customer = with_key(Customer, body, "user_id", user_id)
        customers.save(customers=[customer])
        return customer

    @operation("Change user", scope=_WRITE, body=CustomerChanges, answer=Customer)
    def patch(self, user_id: str, body: msgspec.Struct) -> Customer:
        """Changes the fields in the body; lists and maps are replaced whole."""
        customer = customers.change(
            user_id=user_id, edit=lambda row: with_changes(row, body, key="user_id")
        )
        if customer is None:
            raise _missing()
        return customer

    @operation("Erase user", scope=_WRITE, answer=ErasureReceipt)
    def delete(self, user_id: str) -> ErasureReceipt:
        """Erases the user and every row derived from it; may be sent again if it fails."""
        receipt = customers.erase(user_id=user_id)
        if receipt.is_empty:
            raise _missing()
        return receipt


class CustomerExport(ApiView):
    @operation("Export user", scope=_READ, answer=dict[str, list[Any]])
    def get(self, user_id: str) -> dict[str, list[Any]]:
        """All that is stored about the user: rows by table."""
        document = customers.export(user_id=user_id)
        if not any(document.values()):
            raise _missing()
        return document


class CustomersBulk(ApiView):
    @operation(
        "Save users",
        scope=_WRITE,
        body=list[Customer],
        by_row=True,
        answer=BulkAnswer,
        idempotent=True,
    )
    def post(self, body: Any) -> dict[str, Any]:
        """Creates or replaces up to 1,000 users; of two with one id the later one counts."""
        rows = read_rows(body, lambda raw: validate(Customer, raw))
        customers.save(customers=[customer for _, customer in rows.accepted])
        return rows.answer
