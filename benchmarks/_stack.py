"""A MiniStack of its own for a benchmark, with tables, products, events and a model."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from project.local import MiniStack

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def local_tables() -> Iterator[MiniStack]:
    """Set Django up against empty tables on an emulator that stops at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="alsobought-benchmark-") as directory,
        MiniStack(Path(directory)) as stack,
    ):
        os.environ.update(
            stack.environment,
            DJANGO_SETTINGS_MODULE="project.settings",
            SECRET_KEY=secrets.token_urlsafe(50),
            TABLE_PREFIX="benchmark-",
            DELETION_PROTECTION="false",
            INSECURE_HTTP="true",
            TRAINING_TUNE_SECONDS="0",
            ALLOWED_HOSTS="127.0.0.1,localhost,testserver",
            API_RATE="0",
        )
        # The settings read the environment, so nothing of Django may be imported before.
        import django

        django.setup()
        from core import usage
        from core.dynamodb import tables

        for _ in tables.create_all():
            pass
        yield stack
        # While there still is where to store it.
        usage.flush()


def new_key() -> str:
    """Return the text of an API key for everything."""
    from users.permissions import SCOPES
    from users.services import keys

    text, _ = keys.create(name="benchmark", scopes=SCOPES, by="benchmark")
    return str(text)


def small_shop(*, users: int = 300, items: int = 400, events: int = 3_000, seed: int = 0) -> None:
    """Store products, purchases with some structure and profiles; train a model on them."""
    import random
    from datetime import UTC, datetime, timedelta
    from decimal import Decimal

    from recommendations.entities import Event, Item, Line
    from recommendations.services import catalogue, first_profiles, jobs
    from recommendations.services import events as event_service

    generator = random.Random(seed)  # noqa: S311  # reproducible, not secret
    catalogue.save(
        items=[
            Item(
                item_id=f"item-{number:05}",
                name=f"Product {number} of group {number % 20}",
                categories=(f"group {number % 20}",),
                price=Decimal(number % 90 + 5),
                currency="EUR",
            )
            for number in range(items)
        ]
    )
    now = datetime.now(UTC).replace(microsecond=0)
    made = []
    for number in range(events):
        group = generator.randrange(20)
        chosen = {
            generator.randrange(items) // 20 * 20 + group for _ in range(generator.randint(1, 5))
        }
        made.append(
            Event(
                event_id=f"order-{number}",
                timestamp=now - timedelta(minutes=generator.randrange(60 * 24 * 60)),
                type="purchase",
                items=tuple(Line(f"item-{item % items:05}") for item in sorted(chosen)),
                user_id=f"user-{group + 20 * generator.randrange(users // 20):05}",
            )
        )
    event_service.record(events=made)
    # Nobody follows the stream yet.
    first_profiles.prepare()
    job = jobs.start(name="train", by="benchmark")
    wait_for(job.job_id)


def wait_for(job_id: str, *, timeout: float = 300.0) -> None:
    """Wait for a job to end; RuntimeError when it failed or takes too long."""
    import time

    from recommendations.services import jobs

    end = time.monotonic() + timeout
    while time.monotonic() < end:
        job = jobs.find(job_id=job_id)
        if job is not None and job.state == "succeeded":
            return
        if job is None or job.state == "failed":
            raise RuntimeError("the job failed" + (f": {job.error}" if job else ""))
        time.sleep(0.2)
    raise RuntimeError("the job did not end in time")
