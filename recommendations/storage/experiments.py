"""Experiments that have ended; those that run are part of their placements."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import msgspec

from core.pages import Page, page_of
from core.validation import validate
from recommendations.measures import VariantNumbers
from recommendations.models import ExperimentRow
from recommendations.placements import Experiment


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedExperiment:
    """An experiment that somebody has ended.

    Attributes
    ----------
    ended_at, ended_by
        When, in ISO 8601, and by whom.
    since, days
        The first day that counted, in UTC, and on how many days something was shown.
    adopted
        The variant that the placement became; None when it stayed as it was.
    result
        What was counted for each variant by then.
    """

    placement: str
    experiment: Experiment
    since: date
    days: int
    ended_at: str
    ended_by: str
    adopted: str | None
    result: Sequence[VariantNumbers]

    @property
    def key(self) -> str:
        return f"{self.ended_at}#{self.placement}"


def save(ended: EndedExperiment) -> None:
    """Keep an experiment that has ended."""
    ExperimentRow(
        ExperimentRow.PK,
        ended.key,
        experiment=msgspec.to_builtins(ended.experiment, order="deterministic"),
        since=str(ended.since),
        days=ended.days,
        ended_by=ended.ended_by,
        adopted=ended.adopted,
        result=[msgspec.to_builtins(row) for row in ended.result],
    ).save()


def find(*, key: str) -> EndedExperiment | None:
    """Return one of them, or None."""
    row = ExperimentRow.load(ExperimentRow.PK, key, consistent=True)
    return None if row is None else _from_row(row)


def listing(*, limit: int, position: str | None = None) -> Page[EndedExperiment]:
    """Return them, the one that ended last first; ``position`` is the key of the one before."""
    rows = list(
        ExperimentRow.query(
            ExperimentRow.PK,
            None if position is None else ExperimentRow.sk < position,
            scan_index_forward=False,
            limit=limit + 1,
        )
    )
    return page_of(rows, limit=limit, entity=_from_row, position=lambda row: row.sk)


def _from_row(row: ExperimentRow) -> EndedExperiment:
    ended_at, _, placement = row.sk.partition("#")
    return EndedExperiment(
        placement=placement,
        experiment=validate(Experiment, row.experiment),
        since=date.fromisoformat(row.since),
        days=int(row.days),
        ended_at=ended_at,
        ended_by=row.ended_by,
        adopted=row.adopted,
        result=[msgspec.convert(each, VariantNumbers, strict=False) for each in row.result],
    )
