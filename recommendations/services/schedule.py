"""When each job runs by itself, when it last ran, and when it will next."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cronsim import CronSim, CronSimError
from django.conf import settings

from core.validation import from_iso
from recommendations.services.jobs import NAMES, LastRun, last_runs

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) \S+\)")
# EventBridge counts the days of the week from 1, others from 0; after # comes which one of a month.
_WEEKDAY = re.compile(r"(?<![#\d])\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A job and when it runs.

    Attributes
    ----------
    expression
        Of its schedule, as EventBridge has it; None for one that only people start.
    next_at
        When it runs next, in UTC; None where nobody knows.
    last
        How it ended last; None if it never ran.
    """

    name: str
    expression: str | None
    next_at: datetime | None
    last: LastRun | None


def plan(*, now: datetime | None = None) -> tuple[Planned, ...]:
    """Return all jobs: those with a schedule first."""
    now = now or datetime.now(UTC)
    last = last_runs()
    schedule: dict[str, str] = settings.JOB_SCHEDULE
    names = sorted({*NAMES, *schedule}, key=lambda name: (name not in schedule, name))
    return tuple(
        Planned(
            name=name,
            expression=schedule.get(name),
            # On this machine nothing starts jobs.
            next_at=next_run(schedule.get(name, ""), last=last.get(name), now=now)
            if settings.JOBS_FUNCTION
            else None,
            last=last.get(name),
        )
        for name in names
    )


def next_run(expression: str, *, last: LastRun | None, now: datetime) -> datetime | None:
    """Return when a schedule of EventBridge's comes next, in UTC; None where that is not known.

    A rate counts from when the rule was made, so it is told from the last run.
    """
    if rate := _RATE.fullmatch(expression):
        if last is None:
            return None
        step = timedelta(**{f"{rate[2]}s": int(rate[1])})
        begun = from_iso(last.created_at)
        return begun + (max(0, (now - begun) // step) + 1) * step
    if cron := _CRON.fullmatch(expression):
        *others, weekday = (part.replace("?", "*") for part in cron.groups())
        weekday = _WEEKDAY.sub(lambda found: str(int(found[0]) - 1), weekday)
        try:
            return next(CronSim(" ".join((*others, weekday)), now.astimezone(UTC)))
        except (CronSimError, StopIteration):
            return None
    return None


def in_words(expression: str) -> str:
    """Return a schedule as a reader says it, or as it is where that is not simple."""
    if rate := _RATE.fullmatch(expression):
        return f"every {rate[2]}" if rate[1] == "1" else f"every {rate[1]} {rate[2]}s"
    if cron := _CRON.fullmatch(expression):
        minute, hour, day, month, weekday = cron.groups()
        if minute.isdecimal() and hour.isdecimal() and month == "*":
            at = f"at {int(hour):02}:{int(minute):02} UTC"
            if {day, weekday} <= {"*", "?"}:
                return f"every day {at}"
            if day == "?" and weekday.isalpha():
                return f"every {weekday.capitalize()} {at}"
    return expression
