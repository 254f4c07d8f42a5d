"""Short messages to whoever runs the shop, by SNS; nothing in them is about a person."""

import logging
from collections.abc import Mapping
from typing import Any

import boto3
from django.conf import settings

from core.aws import arn

logger = logging.getLogger(__name__)

_SUBJECT_LENGTH = 100


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
