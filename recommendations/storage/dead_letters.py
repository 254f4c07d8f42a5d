"""Records of the stream that were given up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.dynamodb.batch import Delete, Put, write_all
from core.pages import Page, page_of
from recommendations.models import DeadLetterRow
from recommendations.storage.events import ALWAYS, EventKey, Period

_SOURCE = "stream"
_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record that was given up.

    Attributes
    ----------
    letter_id
        When the event was written, and the record's number: the same for each delivery.
    reason
        Why, without anything personal.
    key
        Of the event; None where that is not known.
    """

    letter_id: str
    reason: str
    key: EventKey | None = None


def _from_row(row: DeadLetterRow) -> DeadLetter:
    known = row.actor is not None and row.moment is not None
    return DeadLetter(
        letter_id=row.entry, reason=row.reason, key=(row.actor, row.moment) if known else None
    )


def save(letters: Sequence[DeadLetter]) -> None:
    """Keep letters for 30 days; a letter that is there already is replaced."""
    expires_at = datetime.now(UTC) + _KEPT
    write_all(
        Put(
            DeadLetterRow(
                _SOURCE,
                letter.letter_id,
                reason=letter.reason,
                actor=letter.key and letter.key[0],
                moment=letter.key and letter.key[1],
                expires_at=expires_at,
            )
        )
        for letter in {letter.letter_id: letter for letter in letters}.values()
    )


def find(*, letter_id: str) -> DeadLetter | None:
    """Return one letter, or None."""
    row = DeadLetterRow.load(_SOURCE, letter_id, consistent=True)
    return None if row is None else _from_row(row)


def listing(
    *, limit: int, position: str | None = None, period: Period = ALWAYS
) -> Page[DeadLetter]:
    """Return letters of a period, newest first, those before ``position`` if given."""
    if period.is_empty:
        return Page(())
    # Both ends are included, so the row at the position comes once more.
    between = DeadLetterRow.entry.between(period.first_key, position or period.last_key)
    found = DeadLetterRow.query(_SOURCE, between, scan_index_forward=False, limit=limit + 2)
    rows = [row for row in found if row.entry != position]
    return page_of(rows, limit=limit, entity=_from_row, position=lambda row: row.entry)


def delete(letter_ids: Iterable[str]) -> int:
    """Remove letters; return how many ids there were."""
    return write_all(Delete(DeadLetterRow, _SOURCE, letter_id) for letter_id in letter_ids)


def of_actor(actor: str) -> list[DeadLetter]:
    """Return all letters about a user; reads all there are, which are few or something is wrong."""
    rows = DeadLetterRow.query(_SOURCE, consistent_read=True)
    return [_from_row(row) for row in rows if row.actor == actor]
