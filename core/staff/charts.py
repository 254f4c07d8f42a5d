"""Numbers over time, drawn: what the template of a chart needs."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from core.staff.html import day

Value = int | float | Decimal


def chart(
    title: str,
    values: Sequence[Value],
    *,
    since: date,
    digits: int = 0,
    beside: tuple[str, Sequence[Value]] | None = None,
) -> Mapping[str, Any]:
    """Return the context of ``staff/panels/chart.html``: one value for each day from the first.

    ``beside`` names as many values of other days, drawn as a line in front of the bars.
    """
    start = datetime.combine(since, datetime.min.time(), UTC)
    end = start + timedelta(days=len(values) - 1)
    summary = f"{title} from {day(start)} to {day(end)}: {_range(values, digits)}."
    context = {
        "start": int(start.timestamp()),
        "counts": _joined(values, digits),
        "summary": summary,
    }
    if beside is None:
        return context
    name, others = beside
    return {
        **context,
        "beside": _joined(others, digits),
        "legend": [f"{day(start)} to {day(end)}", name],
        "summary": f"{summary} {name}: {_range(others, digits)}.",
    }


def lines(
    title: str,
    series: Mapping[str, Sequence[float | None]],
    *,
    times: Sequence[datetime],
    text: Callable[[float], str],
) -> Mapping[str, Any]:
    """Return the context of ``staff/panels/lines.html``: named series at the same moments.

    The first series stands out; a value may be unknown. ``text`` is how a reader writes a value.
    """
    known = {
        name: [value for value in values if value is not None] for name, values in series.items()
    }
    ranges = "; ".join(
        f"{name} between {text(min(values))} and {text(max(values))}"
        for name, values in known.items()
        if values
    )
    return {
        "times": ",".join(str(int(time.timestamp())) for time in times),
        "lines": ";".join(
            ",".join("" if value is None else f"{value:.6g}" for value in values)
            for values in series.values()
        ),
        "legend": list(series),
        "summary": f"{title} from {day(min(times))} to {day(max(times))}: {ranges}.",
    }


def _joined(values: Sequence[Value], digits: int) -> str:
    return ",".join(f"{value:.{digits}f}" for value in values)


def _range(values: Sequence[Value], digits: int) -> str:
    return f"between {min(values):,.{digits}f} and {max(values):,.{digits}f}"
