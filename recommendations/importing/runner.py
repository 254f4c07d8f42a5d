"""Read a file and store it batch by batch."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from core.dynamodb.batch import patient
from core.dynamodb.errors import error_code, is_transient
from core.validation import InvalidInputError
from recommendations.importing import gorse, recombee, rows
from recommendations.importing.columns import ColumnsError, Kind, match
from recommendations.importing.gorse import Gorse
from recommendations.importing.recombee import Recombee
from recommendations.importing.records import CsvReader, Record, read_json_lines
from recommendations.importing.rejects import Reject
from recommendations.importing.rows import EventRules, Row
from recommendations.importing.sources import Format, Source, SourceError
from recommendations.importing.stores import Store, store_for

System = Literal["gorse", "recombee"]
_PATIENCE_SECONDS = 120.0
# Keys that are left out are named up to so many; objects may have any number of them.
_MOST_NAMED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How files are read.

    Attributes
    ----------
    system
        Whose files these are, if not ours; Gorse's JSON Lines files are recognised.
    mapped
        The field by column (CSV) or key (JSON Lines), where the name does not say it.
    ignored
        Columns, or keys of JSON Lines objects, to leave out.
    only_mapped
        Leave out all keys of JSON Lines objects that are not mapped, also those that come late.
    batch
        Rows that are stored at once; memory grows with it.
    after_line
        Rows up to this line are read once more, and not stored again.
    """

    kind: Kind
    rules: EventRules
    system: System | None = None
    format: Format | None = None
    mapped: Mapping[str, str] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    only_mapped: bool = False
    dry_run: bool = False
    batch: int = 1000
    after_line: int = 0


@dataclass(slots=True)
class Summary:
    """What came of a file.

    Attributes
    ----------
    stored
        Events, products or customers stored; with ``dry_run``, those that would be.
    rejected
        Rows that were not accepted.
    last_line
        Everything acceptable up to this line is stored.
    unused
        The columns that were not read.
    """

    stored: int = 0
    rejected: int = 0
    last_line: int = 0
    unused: tuple[str, ...] = ()


class StoppedError(Exception):
    """An import ended early; the message says up to which line everything is stored."""

    def __init__(self, problem: str, *, name: str, summary: Summary) -> None:
        stored = f"Everything up to line {summary.last_line} of {name} is stored"
        if summary.last_line == 0:
            stored = f"Nothing of {name} is known to be stored"
        super().__init__(
            f"{problem}. {stored}; run the same import again, nothing is stored twice."
        )
        self.summary = summary


OnReject = Callable[[str, Reject], None]
Progress = Callable[[int, Summary], None]


def records(source: Source, plan: Plan) -> Iterator[Record | Reject]:
    """Yield the rows of a file with fields of ours, before they are checked.

    Raises
    ------
    SourceError
        When the file cannot be read.
    """
    return _records(source, plan, Summary())


def _records(source: Source, plan: Plan, summary: Summary) -> Iterator[Record | Reject]:
    system = _system(source, plan)
    if system is not None:
        yield from _translated(source, plan, summary, system)
        return
    if (plan.format or source.format()) == "jsonl":
        yield from _renamed(source, plan, summary)
        return
    reader = _csv_reader(source)
    try:
        columns = match(reader.header, kind=plan.kind, mapped=plan.mapped, ignored=plan.ignored)
    except ColumnsError as error:
        message = f"{source.name}: {error}"
        raise SourceError(message) from error
    summary.unused = tuple(name for name in columns.unused if name not in plan.ignored)
    yield from reader.rows(columns.fields)


def _renamed(source: Source, plan: Plan, summary: Summary) -> Iterator[Record | Reject]:
    """Yield the objects of a file of our own with their keys as mapped."""
    left_out: set[str] = set()
    for record in read_json_lines(source.lines()):
        if isinstance(record, Reject):
            yield record
            continue
        taken = {name: value for name, value in record.fields.items() if name not in plan.ignored}
        if plan.only_mapped:
            others = taken.keys() - plan.mapped.keys()
            if others and len(left_out) < _MOST_NAMED:
                left_out |= others
            taken = {name: value for name, value in taken.items() if name in plan.mapped}
        fields = {plan.mapped.get(name, name): value for name, value in taken.items()}
        yield record._replace(fields=fields)
    summary.unused = tuple(sorted(left_out))


def _csv_reader(source: Source) -> CsvReader:
    reader = CsvReader(source.lines())
    if reader.header_problem:
        message = f"{source.name}, first line: {reader.header_problem}"
        raise SourceError(message)
    if not reader.header:
        message = f"{source.name} is empty; a CSV file begins with a line of column names"
        raise SourceError(message)
    return reader


def _system(source: Source, plan: Plan) -> System | None:
    if plan.system is not None or (plan.format or source.format()) == "csv":
        return plan.system
    return "gorse" if source.begins_with(gorse.recognised) else None


def _translated(
    source: Source, plan: Plan, summary: Summary, system: System
) -> Iterator[Record | Reject]:
    """Yield the records of another system with fields of ours."""
    translate: Gorse | Recombee
    if system == "gorse":
        translate = Gorse(kind=plan.kind, types=plan.rules.types)
    else:
        default = recombee.type_of_file(source.path) or plan.rules.default_type
        translate = Recombee(kind=plan.kind, default_type=default)
    records: Iterator[Record | Reject]
    if (plan.format or source.format()) == "csv":
        reader = _csv_reader(source)
        records = reader.rows(reader.header)
    else:
        records = read_json_lines(source.lines())
    for record in records:
        if isinstance(record, Reject):
            yield record
            continue
        taken = {name: value for name, value in record.fields.items() if name not in plan.ignored}
        mapped = {plan.mapped[name]: taken.pop(name) for name in plan.mapped if name in taken}
        try:
            yield record._replace(fields={**translate(taken), **mapped})
        except InvalidInputError as error:
            yield rows.reject(record, error.details)
    summary.unused = tuple(sorted(translate.left_out))


def _rows(source: Source, plan: Plan, summary: Summary) -> Iterator[Row[Any] | Reject]:
    is_foreign = _system(source, plan) is not None
    from_text = (plan.format or source.format()) == "csv" and not is_foreign
    records = _records(source, plan, summary)
    if plan.kind == "items":
        return rows.products(records, from_text=from_text)
    if plan.kind == "users":
        return rows.customers(records, from_text=from_text)
    if is_foreign:
        # Their types have been translated already.
        return rows.flat_events(records, replace(plan.rules, types={}))
    if from_text:
        return rows.flat_events(records, plan.rules)
    return rows.nested_events(records, plan.rules)


def latest_event(path: str, plan: Plan) -> datetime | None:
    """Return the time of the newest acceptable event of a file, without storing anything.

    Raises
    ------
    SourceError
        When the file cannot be read.
    """
    newest: datetime | None = None
    with Source(path) as source:
        for row in _rows(source, plan, Summary()):
            if not isinstance(row, Reject):
                newest = max(newest or row.value.timestamp, row.value.timestamp)
    return newest


def run(
    source: Source,
    plan: Plan,
    *,
    on_reject: OnReject,
    progress: Progress,
) -> Summary:
    """Import one file; bad rows go to ``on_reject`` and cost only themselves.

    Raises
    ------
    SourceError
        When nothing of the file can be read.
    StoppedError
        When reading or storing ended early.
    """
    summary = Summary()
    store: Store | None = None if plan.dry_run else store_for(plan.kind)
    with patient(_PATIENCE_SECONDS), source:
        accepted = _accepted(source, plan, summary, on_reject)
        try:
            for batch in _batches(accepted, plan.batch):
                _store(batch, store, summary)
                progress(source.position(), summary)
        except SourceError as error:
            if summary.last_line == 0:
                raise
            raise StoppedError(str(error), name=source.name, summary=summary) from error
        except KeyboardInterrupt as error:
            raise StoppedError("interrupted", name=source.name, summary=summary) from error
        except Exception as error:
            if not (is_transient(error) or error_code(error)):
                raise
            problem = f"DynamoDB did not take the rows ({error_code(error) or error})"
            raise StoppedError(problem, name=source.name, summary=summary) from error
        progress(source.position(), summary)
    return summary


def _accepted(
    source: Source, plan: Plan, summary: Summary, on_reject: OnReject
) -> Iterator[Row[Any]]:
    for row in _rows(source, plan, summary):
        if isinstance(row, Reject):
            summary.rejected += 1
            on_reject(source.name, row)
        elif row.last_line <= plan.after_line:
            summary.stored += 1
            summary.last_line = row.last_line
        else:
            yield row


def _batches(accepted: Iterator[Row[Any]], size: int) -> Iterator[list[Row[Any]]]:
    """Cut into batches; what came before the file turned out to be damaged is one, too."""
    batch: list[Row[Any]] = []
    try:
        for row in accepted:
            batch.append(row)
            if len(batch) == size:
                yield batch
                batch = []
    except SourceError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def _store(batch: list[Row[Any]], store: Store | None, summary: Summary) -> None:
    if store is not None:
        store([row.value for row in batch])
    summary.stored += len(batch)
    summary.last_line = batch[-1].last_line
