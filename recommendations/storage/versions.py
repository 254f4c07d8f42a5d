"""Model versions: their rows, their record, and the one switch that makes a version live."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from core.dynamodb.batch import Delete, Put, write_all
from core.dynamodb.errors import is_condition_failure
from core.pages import Page
from recommendations.models import ListRow, ServingRow, VersionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """A trained model.

    Attributes
    ----------
    state
        ``training`` until all its rows are stored, then ``ready``, or ``rejected`` by the gate;
        ``retired`` once its rows are deleted.
        Which of the ready ones is live, `recommendations.services.versions.live` says.
    parameters, data, metrics, rows
        What it was trained with and on, how it did on the hold-out beside the baselines, and how
        many rows it has.
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


def listing(*, limit: int, position: str | None = None) -> Page[ModelVersion]:
    """Return versions, newest first."""
    rows = list(
        VersionRow.query(
            VersionRow.PK,
            None if position is None else VersionRow.sk < position,
            scan_index_forward=False,
            limit=limit + 1,
        )
    )
    more = len(rows) > limit
    return Page(tuple(_from_row(row) for row in rows[:limit]), rows[limit - 1].sk if more else None)


def save_lists(*, version: str, lists: Iterable[tuple[str, list[tuple[str, float]]]]) -> int:
    """Write the ready lists of a version; return how many."""
    return write_all(
        Put(ListRow(name, version, entries=[list(entry) for entry in entries]))
        for name, entries in lists
    )


def retire(version: ModelVersion) -> None:
    """Delete the lists of a version that no longer may serve.

    Its neighbour rows go with the next version that writes them.
    """
    save(replace(version, state="retired"))
    write_all(Delete(ListRow, name, version.version) for name in version.data.get("lists", ()))


def live(*, consistent: bool = False) -> str | None:
    """Return the version that serves, or None before the first publish."""
    row = ServingRow.load(ServingRow.PK, ServingRow.SK, consistent=consistent)
    return None if row is None else row.live_version


def switch(*, to: str, expected: str | None) -> bool:
    """Make a version live with one conditional write.

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
    try:
        ServingRow(ServingRow.PK, ServingRow.SK).update(
            actions=[ServingRow.live_version.set(to)], condition=unchanged
        )
    except Exception as error:
        if is_condition_failure(error):
            return False
        raise
    return True
