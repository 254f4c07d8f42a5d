"""How far the stream function is: what it notes itself, and what the ledger has of an event."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.dynamodb.batch import Get, read_batch
from core.validation import from_iso, to_iso
from recommendations.models import ServingRow, StreamRow
from recommendations.storage import serving
from recommendations.storage.serving import ServingState


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """The last batch of records: when it was done, and how long its oldest record had waited."""

    at: datetime
    waited: timedelta


def save(handled: Handled) -> None:
    """Note that a batch was handled."""
    StreamRow(
        StreamRow.PK,
        StreamRow.SK,
        handled_at=to_iso(handled.at),
        waited=round(handled.waited.total_seconds(), 3),
    ).save()


def find() -> tuple[Handled | None, ServingState]:
    """Return the last batch, and what holds for every request, in one round trip."""
    row, state = read_batch(
        [Get(StreamRow, StreamRow.PK, StreamRow.SK), Get(ServingRow, ServingRow.PK, ServingRow.SK)]
    )
    found = None
    if isinstance(row, StreamRow):
        found = Handled(at=from_iso(row.handled_at), waited=timedelta(seconds=float(row.waited)))
    return found, serving.state_of(state)
