"""Keep what the ridge has solved while it runs, so that a stopped run need not start anew.

A checkpoint belongs to one set of interactions and parameters, by a digest of both. Its first part
holds the choice of parameters, the others what was solved since the part before.
"""

import io
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import asdict, dataclass
from hashlib import sha256
from threading import Event, Thread
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from recommendations.engine.interactions import Interactions
from recommendations.engine.models import ItemNeighbours
from recommendations.engine.ridge import LocalRidge
from recommendations.storage import checkpoints

logger = logging.getLogger(__name__)

#: To be raised when a change of the engine changes what the ridge solves.
FORMAT = 1
_PART_BYTES = 200_000


def fingerprint(interactions: Interactions) -> str:
    """Return a digest of everything that the fit depends on, but for its parameters."""
    digest = sha256(f"{FORMAT} {np.__version__}".encode())
    for block in interactions.in_blocks():
        for column in (block.users, block.items, block.weights, block.times):
            digest.update(np.ascontiguousarray(column).data)
    for ids in (interactions.user_ids, interactions.item_ids):
        digest.update("\n".join(ids).encode())
    return digest.hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The parameters to train with, and how they were found: None without a search."""

    parameters: dict[str, Any]
    tuning: dict[str, Any] | None = None


class Checkpoint:
    """What a run on some interactions has chosen and solved.

    Parameters
    ----------
    name
        The `fingerprint` of the interactions.
    n_items
        Their number of items.
    seconds
        How often to keep what was solved meanwhile.

    Attributes
    ----------
    choice
        What an earlier run has chosen; None when there was none.
    progress
        What it has solved, for `ItemNeighbours.fit`.
    """

    def __init__(self, *, name: str, n_items: int, seconds: float) -> None:
        self._name, self._seconds = name, seconds
        self._clear(n_items)

    def _clear(self, n_items: int) -> None:
        self._kept = np.zeros(n_items, dtype=bool)
        self._count = 0
        self._problem: NDArray[Any] | None = None
        self.choice: Choice | None = None
        self.progress: Mapping[str, NDArray[Any]] | None = None

    def load(self) -> None:
        """Read what an earlier run has kept; what is damaged counts as nothing."""
        try:
            self._load()
        except (BadZipFile, EOFError, KeyError, TypeError, ValueError):
            logger.warning("what an earlier run has solved cannot be read", exc_info=True)
            self._clear(self._kept.size)

    def _load(self) -> None:
        found = checkpoints.parts(name=self._name)
        first = next(found, None)
        if first is None:
            return
        parts = [_unpacked(content) for content in found]
        self._count = 1 + len(parts)
        self.choice = Choice(**json.loads(first))
        if not parts:
            return
        self._problem = parts[0]["problem"]
        targets = np.concatenate([part["targets"] for part in parts])
        values = np.concatenate([part["values"] for part in parts])
        targets, places = np.unique(targets, return_index=True)
        self._kept[targets] = True
        self.progress = {
            "refined": self._kept.copy(),
            "values": values[places],
            "problem": self._problem,
        }

    @property
    def solved(self) -> int:
        """The number of items that an earlier run has solved."""
        return 0 if self.progress is None else int(self.progress["refined"].sum())

    @property
    def kept(self) -> int:
        """The number of items whose solution is kept by now."""
        return int(self._kept.sum())

    @contextmanager
    def keeping(self, model: ItemNeighbours, choice: Choice) -> Iterator[None]:
        """Keep what the model's ridge solves: now and then in the background, and at the end.

        Nothing is kept of a run that ends in time.
        """
        self.choice = choice
        ended = Event()

        def keep() -> None:
            while not ended.wait(self._seconds):
                self._keep(model.ridge_)

        thread = Thread(target=copy_context().run, args=[keep], daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
        if model.ridge_ is not None and not model.ridge_.refined.all():
            self._keep(model.ridge_)

    def discard(self) -> None:
        """Forget everything that was kept."""
        checkpoints.delete(name=self._name, count=self._count)
        self._clear(self._kept.size)

    def _keep(self, ridge: LocalRidge | None) -> None:
        if ridge is None:
            return
        try:
            self._keep_new(ridge)
        except Exception:
            # The model does not depend on it; the next run solves these targets again.
            logger.warning("what training has solved was not kept", exc_info=True)

    def _keep_new(self, ridge: LocalRidge) -> None:
        new = np.flatnonzero(ridge.refined & ~self._kept)
        if not new.size:
            return
        if self._problem is None:
            self._problem = ridge.progress()["problem"]
        if not self._count and self.choice is not None:
            self._save(json.dumps(asdict(self.choice)).encode())
        size = max(_PART_BYTES // ridge.values[:1].nbytes, 1)
        for start in range(0, new.size, size):
            targets = new[start : start + size].astype(np.int32)
            self._save(_packed(targets, ridge.values[targets], self._problem))
            self._kept[targets] = True

    def _save(self, content: bytes) -> None:
        checkpoints.save(name=self._name, number=self._count, content=content)
        self._count += 1


def _packed(targets: NDArray[Any], values: NDArray[Any], problem: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, targets=targets, values=values, problem=problem)
    return buffer.getvalue()


def _unpacked(content: bytes) -> dict[str, NDArray[Any]]:
    with np.load(io.BytesIO(content), allow_pickle=False) as found:
        return {name: found[name] for name in found.files}
