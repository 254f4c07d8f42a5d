"""Model versions: their rows, their record, and the one switch that makes a version live."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from core.dynamodb.batch import READ_LIMIT, Delete, Get, Put, chunks, read_batch, write_all
from core.dynamodb.conditions import held
from core.pages import Page, page_of
from recommendations.models import ListRow, ServingRow, VersionRow
from recommendations.storage.events import ALWAYS, Period

# So many of the longest ids or category names stay within the 400 KB of a row.
NAMES_PER_ROW = 500

NameKind = Literal["known", "items", "lists"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """A trained model.

    Attributes
    ----------
    state
        ``training`` until all its rows are stored, then ``ready``, or ``rejected`` by the gate;
        ``retired`` once its lists are given up.
        Which of the ready ones is live, `recommendations.services.versions.live` says.
    parameters, data, metrics, rows
        What it was trained with and on, how it did on the hold-out beside the baselines, and how
        many rows it has. ``data["name_rows"]`` says how many rows hold the names of its
        ``items`` and ``lists``, and of the items ``known`` when its training began to write.
    """

    version: str
    created_at: str
    state: str
    parameters: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def is_publishable(self) -> bool:
        """Tell whether all its rows are stored; a rejected one may be published by a person."""
        return self.state in {"ready", "rejected"}


def _from_row(row: VersionRow) -> ModelVersion:
    return ModelVersion(
        version=row.sk,
        created_at=row.created_at,
        state=row.state,
        parameters=row.parameters,
        data=row.data,
        metrics=row.metrics,
        rows=row.rows,
    )


def save(version: ModelVersion) -> None:
    """Store the record of a version."""
    VersionRow(
        VersionRow.PK,
        version.version,
        created_at=version.created_at,
        state=version.state,
        parameters=version.parameters,
        data=version.data,
        metrics=version.metrics,
        rows=version.rows,
    ).save()


def find(*, version: str) -> ModelVersion | None:
    """Return one version, or None."""
    row = VersionRow.load(VersionRow.PK, version, consistent=True)
    return None if row is None else _from_row(row)


def listing(
    *, limit: int, position: str | None = None, period: Period = ALWAYS
) -> Page[ModelVersion]:
    """Return versions that were made in a period, newest first."""
    if period.is_empty:
        return Page(())
    # Both ends are included, so the row at the position comes once more.
    between = VersionRow.sk.between(period.first_key, position or period.last_key)
    found = VersionRow.query(VersionRow.PK, between, scan_index_forward=False, limit=limit + 2)
    rows = [row for row in found if row.sk != position]
    return page_of(rows, limit=limit, entity=_from_row, position=lambda row: row.sk)


def delete_retired(*, before: datetime, limit: int) -> int:
    """Remove the records of versions that were given up and made before a moment, oldest first."""
    rows = VersionRow.query(
        VersionRow.PK, VersionRow.sk < f"{before.astimezone(UTC):%Y-%m-%d}", limit=limit
    )
    return write_all(
        Delete(VersionRow, VersionRow.PK, row.sk) for row in rows if row.state == "retired"
    )


def save_lists(*, version: str, lists: Iterable[tuple[str, list[tuple[str, float]]]]) -> int:
    """Write the ready lists of a version; return how many."""
    return write_all(
        Put(ListRow(name, version, entries=[list(entry) for entry in entries]))
        for name, entries in lists
    )


def save_names(version: ModelVersion, kind: NameKind, names: Iterable[str]) -> ModelVersion:
    """Write names in rows of their own; return the record that knows of them, to be saved."""
    count = write_all(
        Put(ListRow(_names_row(kind, number), version.version, entries=part))
        for number, part in enumerate(chunks(names, NAMES_PER_ROW))
    )
    name_rows = {**version.data.get("name_rows", {}), kind: count}
    return replace(version, data={**version.data, "name_rows": name_rows})


def names(version: ModelVersion, kind: NameKind) -> Iterator[str]:
    """Yield the names of one kind that are kept with a version."""
    for row in _rows(_name_rows(version, kind), version.version):
        yield from row.entries


def _names_row(kind: NameKind, number: int) -> str:
    return f"{kind}#{number}"


def _name_rows(version: ModelVersion, kind: NameKind) -> list[str]:
    count = version.data.get("name_rows", {}).get(kind, 0)
    return [_names_row(kind, number) for number in range(count)]


def expire_lists(version: ModelVersion, *, at: datetime) -> None:
    """Let DynamoDB remove the lists of a version some time after ``at``; until then they serve."""
    kinds: tuple[NameKind, ...] = get_args(NameKind)
    own = [row for kind in kinds for row in _name_rows(version, kind)]

    def expiring() -> Iterator[Put]:
        for row in _rows([*own, *names(version, "lists")], version.version):
            row.expires_at = at
            yield Put(row)

    write_all(expiring())


def _rows(lists: Iterable[str], version: str) -> Iterator[ListRow]:
    for part in chunks(lists, READ_LIMIT):
        for row in read_batch([Get(ListRow, name, version) for name in part], consistent=True):
            if isinstance(row, ListRow):
                yield row


def live(*, consistent: bool = False) -> str | None:
    """Return the version that serves, or None before the first publish."""
    row = ServingRow.load(ServingRow.PK, ServingRow.SK, consistent=consistent)
    return None if row is None else row.live_version


def switch(*, to: str | None, expected: str | None) -> bool:
    """Make a version live, or none, with one conditional write.

    Returns
    -------
    bool
        False when another version than ``expected`` was live: nothing has changed then.
    """
    unchanged = (
        ServingRow.live_version.does_not_exist()
        if expected is None
        else ServingRow.live_version == expected
    )
    live_version = ServingRow.live_version
    action = live_version.remove() if to is None else live_version.set(to)
    row = ServingRow(ServingRow.PK, ServingRow.SK)
    return held(
        lambda: row.update(actions=[action], condition=unchanged),
        applied=lambda: live(consistent=True) == to,
    )
