"""Short messages to whoever runs the shop, by SNS; nothing in them is about a person."""

import logging
from collections.abc import Mapping
from typing import Any

import boto3
from django.conf import settings

from core.aws import arn
from recommendations.storage.jobs import Job

logger = logging.getLogger(__name__)

_SUBJECT_LENGTH = 100
_MODELS = {"model": "the live model", "popular": "the popular list", "trending": "what is trending"}


def training_ended(job: Job) -> bool:
    """Tell how a training ended: with a new live model, one that was not published, or not."""
    facts = {"job": job.job_id, "started by": _kind_of_starter(job)}
    if job.state != "succeeded":
        facts |= {"state": job.state, "step": job.step, "why": "see the job on the staff site"}
        return send(subject=f"training {job.state}", facts=facts)
    result = job.result
    version = result["version"]
    published = result["published"]
    shown = ("events", "users", "items", "recall@20", "popular_recall@20", "refined_share")
    facts |= {name: result[name] for name in shown if name in result}
    facts["reasons"] = "; ".join(result["reasons"])
    subject = f"model {version} is live" if published else f"model {version} was not published"
    return send(subject=subject, facts=facts)


def report_ended(job: Job) -> bool:
    """Tell how the live model did in the last seven days, or that nobody can say."""
    if job.state != "succeeded":
        facts = {"job": job.job_id, "step": job.step, "why": "see the job on the staff site"}
        return send(subject=f"the weekly report {job.state}", facts=facts)
    result = job.result
    facts = {"model": result["version"], "customers measured": result["users"]}
    for name, values in (result["quality"] or {}).items():
        facts[f"recall@20 of {_MODELS[name]}"] = f"{100 * values['recall@20']:.2f} %"
    for name, label in (("shown", "these days"), ("before", "the days before")):
        counts = result[name]
        facts[label] = (
            f"{counts['impressions']} shown, {counts['clicks']} clicked, "
            f"{counts['conversions']} bought"
        )
    return send(subject=f"report of {result['from']} to {result['to']}", facts=facts)


def _kind_of_starter(job: Job) -> str:
    """Return what started a job; the name of a person stays here."""
    known = {"schedule", "invoke", "command line"}
    return job.started_by if job.started_by in known else "staff or API"


def send(*, subject: str, facts: Mapping[str, Any]) -> bool:
    """Send a message, a line for each fact; False when there is no topic, or nobody takes it.

    The facts come from us, never from a request or a row: no ids of customers, no error texts.
    """
    if not settings.NOTIFICATION_TOPIC:
        return False
    lines = [f"{name}: {value}" for name, value in facts.items()]
    try:
        boto3.client("sns").publish(
            TopicArn=arn("sns", settings.NOTIFICATION_TOPIC),
            Subject=f"Alsobought: {subject}"[:_SUBJECT_LENGTH],
            Message="\n".join([subject, "", *lines]),
        )
    except Exception:
        # What there is to tell has happened, and its record says so.
        logger.warning("a notification was not sent", exc_info=True)
        return False
    return True
