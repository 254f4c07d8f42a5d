"""What a tool makes of the published schema, valid and not: no 5xx, no answer beside the schema.

``make fuzz`` looks longer and harder than the usual run has time for.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig

from core.validation import to_iso
from project.wsgi import application
from recommendations.services import jobs
from tests.api_client import new_key

pytestmark = pytest.mark.usefixtures("dynamodb")

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "5"))
THOROUGH = EXAMPLES > 5
# JSON Schema has no word for the span of time that events may come from.
MOMENTS = st.datetimes(
    datetime(2000, 1, 2),  # noqa: DTZ001  # the strategy adds the zone
    datetime(2026, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
schemathesis.openapi.format("date-time", MOMENTS.map(to_iso))

# What is right for a request by itself, and still not possible: publishing what is not there, an
# Idempotency-Key of another request.
EXPECTED = ["2xx", "401", "403", "404", "409", "422", "429"]
# Rules between fields that a schema has no words for.
ACROSS_FIELDS = [
    "DELETE /api/v1/events/{event_id}/",  # either a user or a session
    "GET /api/v1/insights/",  # at most 366 days
    "PUT /api/v1/placements/{name}/",  # variants with names of their own
    "POST /api/v1/placements/preview/",
    "PUT /api/v1/items/{item_id}/",  # the id in the body, if any, is that of the path
    "PATCH /api/v1/items/{item_id}/",
    "PUT /api/v1/users/{user_id}/",
    "PATCH /api/v1/users/{user_id}/",
]
# These answer 2xx, and say in the body which rows they did not accept.
BY_ROW = "^/api/v1/(events/|items/bulk/|users/bulk/)$"
# An id may contain a slash, so that these are also addresses of rows.
BELOW_ROWS = "^/api/v1/(users|items|placements|models)/({[a-z_]+}/[a-z-]+|bulk|preview)/$"
# What was deleted can be brought back from these, so they stay.
OUTLIVES = "GET /api/v1/placements/{name}/versions/"
CONFIG = {
    "checks": {"positive_data_acceptance": {"expected-statuses": EXPECTED}},
    "phases": {
        "coverage": {"enabled": THOROUGH},
        # The key is sent with every call there, with those that should lack it, too.
        "stateful": {"checks": {"ignored_auth": {"enabled": False}}},
    },
    "operations": [
        {
            "include-name": ACROSS_FIELDS,
            "checks": {"positive_data_acceptance": {"enabled": False}},
        },
        {"include-path-regex": BY_ROW, "checks": {"negative_data_rejection": {"enabled": False}}},
        {"include-name": OUTLIVES, "checks": {"use_after_free": {"enabled": False}}},
        {"include-path-regex": BELOW_ROWS, "checks": {"unsupported_method": {"enabled": False}}},
    ],
}


def load() -> Any:
    schema = schemathesis.openapi.from_wsgi(
        "/api/schema/", application, config=SchemathesisConfig.from_dict(CONFIG)
    )
    for methods in schema.raw_schema["paths"].values():
        for operation in methods.values():
            # Only a cursor that we have signed is valid.
            operation["parameters"] = [
                each for each in operation.get("parameters", []) if each["name"] != "cursor"
            ]
    return schema


schema = load()


@pytest.fixture
def key(dynamodb: None, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(jobs, "_spawn", lambda **_: None)
    return new_key()


@schema.parametrize()
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
def test_operations_keep_to_their_schema(case: schemathesis.Case, key: str) -> None:
    case.call_and_validate(headers={"Authorization": f"Api-Key {key}"})


@pytest.mark.usefixtures("key")
def test_operations_one_after_the_other_keep_to_their_schema(
    start_again: Callable[[], None],
) -> None:
    class Machine(schema.as_state_machine()):  # type: ignore[misc]  # made of the schema
        def setup(self) -> None:
            # What an earlier chain has left would make the same chain another one.
            start_again()
            self.key = new_key()

        def get_call_kwargs(self, _case: schemathesis.Case) -> dict[str, Any]:
            return {"headers": {"Authorization": f"Api-Key {self.key}"}}

    Machine.run(
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=10,
            suppress_health_check=list(HealthCheck),
        )
    )
