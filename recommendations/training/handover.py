"""What the steps of one training hand on to each other, as files in S3.

The events are kept as compressed columns, decisions as JSON, neighbour rows in parts of some
thousand, so that many processes can write them at once.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import count
from typing import Any, TypeVar

import msgspec
import numpy as np

from core.dynamodb.batch import chunks
from recommendations.engine.associations import Association
from recommendations.engine.interactions import Interactions, no_baskets
from recommendations.engine.packing import Neighbour
from recommendations.storage import artifacts, neighbours
from recommendations.storage.neighbours import Kind, Packed, Written
from recommendations.training.catalogue import Catalogue
from recommendations.training.data import TrainingData

#: Rows to a part: some seconds of writing.
PART_ROWS = 2_000
_IN_MEMORY = 64 * 1024**2
_DATA, _PARTS = "data.npz", "parts.json"
_COLUMNS = ("users", "items", "weight_codes", "seconds", "weight_values")

_Kept = TypeVar("_Kept")


class Around(msgspec.Struct, frozen=True):
    """What there is to know of the data beside its columns."""

    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    catalogue: Catalogue
    skipped: dict[str, int]
    trending_days: float
    began_at: datetime


class Part(msgspec.Struct, frozen=True):
    """A part of the rows, as the state machine reads it."""

    name: str


class PartResult(msgspec.Struct, frozen=True):
    """What came of writing a part: changed rows, and what a process of its own has consumed."""

    changed: int
    cost: dict[str, float] = {}


class Handover:
    """The files of one run, by the id of its job."""

    def __init__(self, run: str) -> None:
        self._run = run

    def delete(self) -> int:
        """Remove all of them; return how many there were."""
        return artifacts.delete(run=self._run)

    def save(self, name: str, value: object) -> None:
        """Keep a dataclass or struct as JSON."""
        artifacts.save(run=self._run, name=f"{name}.json", content=msgspec.json.encode(value))

    def load(self, name: str, kind: type[_Kept]) -> _Kept:
        """Return what `save` has kept; each number is the same to the last bit."""
        content = artifacts.load(run=self._run, name=f"{name}.json")
        return msgspec.json.decode(content, type=kind)

    def save_data(self, data: TrainingData) -> None:
        """Keep the data; disk space is what it takes."""
        events = data.interactions
        around = Around(
            user_ids=events.user_ids,
            item_ids=events.item_ids,
            catalogue=data.catalogue,
            skipped=data.skipped,
            trending_days=data.trending_days,
            began_at=data.began_at,
        )
        columns: dict[str, Any] = {name: getattr(events, name) for name in _COLUMNS}
        if events.baskets.strides[0]:
            columns["baskets"] = events.baskets
        columns["around"] = np.frombuffer(msgspec.msgpack.encode(around), dtype=np.uint8)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
            np.savez_compressed(file, allow_pickle=False, **columns)
            file.seek(0)
            artifacts.save(run=self._run, name=_DATA, content=file)

    def load_data(self) -> TrainingData:
        """Return the data as it was kept, to the last bit."""
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
            file.write(artifacts.load(run=self._run, name=_DATA))
            file.seek(0)
            with np.load(file, allow_pickle=False) as found:
                columns = {name: found[name] for name in found.files}
        around = msgspec.msgpack.decode(columns.pop("around").tobytes(), type=Around)
        columns.setdefault("baskets", no_baskets(columns["users"].size))
        interactions = Interactions(user_ids=around.user_ids, item_ids=around.item_ids, **columns)
        return TrainingData(
            interactions=interactions,
            catalogue=around.catalogue,
            skipped=around.skipped,
            trending_days=around.trending_days,
            began_at=around.began_at,
        )

    def save_rows(
        self,
        *,
        rows: Iterable[tuple[str, Sequence[Neighbour] | Sequence[Association]]],
        kind: Kind = "similar",
    ) -> Written:
        """Keep neighbour rows of one kind in parts, in place of those kept before.

        None of them counts as changed: what differs is only found out when they are written.
        """
        items = 0
        names = []
        for number, part in zip(
            count(), chunks(neighbours.pack(rows, kind=kind), PART_ROWS), strict=False
        ):
            names.append(f"rows/{kind}/{number:05}")
            artifacts.save(run=self._run, name=names[-1], content=msgspec.msgpack.encode(part))
            items += sum(1 for _, content in part if content)
        self._note_parts(kind, names)
        return Written(items, 0)

    def _note_parts(self, kind: Kind, names: list[str]) -> None:
        others = [name for name in self.parts() if kind_of(name) != kind]
        content = msgspec.json.encode([Part(name) for name in (*others, *names)])
        artifacts.save(run=self._run, name=_PARTS, content=content)

    def begin_parts(self) -> None:
        """Start with no parts at all."""
        artifacts.save(run=self._run, name=_PARTS, content=b"[]")

    def parts(self) -> list[str]:
        """Return the names of all parts."""
        content = artifacts.load(run=self._run, name=_PARTS)
        return [part.name for part in msgspec.json.decode(content, type=list[Part])]

    def part(self, name: str) -> list[Packed]:
        """Return the rows of a part."""
        content = artifacts.load(run=self._run, name=name)
        return msgspec.msgpack.decode(content, type=list[Packed])

    def note_written(self, name: str, result: PartResult) -> None:
        """Note that a part is written."""
        self.save(f"written/{name}", result)

    def written(self) -> Iterator[tuple[Kind, PartResult]]:
        """Yield the kind of each part, and what came of writing it.

        Raises
        ------
        botocore.exceptions.ClientError
            When a part has not been written.
        """
        for name in self.parts():
            yield kind_of(name), self.load(f"written/{name}", PartResult)


def kind_of(name: str) -> Kind:
    """Return the kind of the rows in a part."""
    kind: Kind = msgspec.convert(name.split("/")[1], Kind)
    return kind
