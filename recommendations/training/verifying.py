"""After a publish: is what customers are shown now really there?"""

from collections.abc import Sequence

from core.dynamodb.batch import READ_LIMIT
from recommendations.services import versions
from recommendations.services.jobs import JobError
from recommendations.storage import versions as storage
from recommendations.storage.serving import candidates
from recommendations.storage.versions import ModelVersion

_LEAST = 0.5


class NotVerifiedError(JobError):
    """What was published cannot be read back; the version before serves again."""


def check_stored(record: ModelVersion) -> None:
    """Read a sample of the lists and neighbours of the live version; go back if they are missing.

    Nothing is done when another version is live by now.

    Raises
    ------
    NotVerifiedError
        When a list is missing, or less than half of the neighbours that there should be are there.
    """
    missing = _missing(record)
    if not missing:
        return
    before = record.data["decision"]["live"]
    if versions.withdraw(version=record.version, to=before):
        serving = f"version {before} serves again" if before else "no model serves now"
        message = f"version {record.version} was published but {missing}; {serving}, train again"
        raise NotVerifiedError(message)


def _missing(record: ModelVersion) -> str:
    """Return what is not there; empty when all is well."""
    lists = _sample(list(storage.names(record, "lists")))
    items = _sample(list(storage.names(record, "items")))
    # Of what was written a moment ago, another read might not know yet.
    found = candidates(version=record.version, item_ids=items, lists=lists, consistent=True)
    if len(found.lists) < len(lists):
        return f"{len(lists) - len(found.lists)} of {len(lists)} lists cannot be read"
    n_items = sum(1 for _ in storage.names(record, "items"))
    expected = len(items) * record.rows["neighbours"] / max(n_items, 1)
    near = sum(1 for row in found.neighbours.values() if row)
    if near < _LEAST * expected:
        return f"of {len(items)} products {near} have neighbours, not about {expected:.0f}"
    return ""


def _sample(names: Sequence[str]) -> list[str]:
    """Return some of the names, evenly spread."""
    step = max(1, -(-len(names) // READ_LIMIT))
    return list(names[::step])
