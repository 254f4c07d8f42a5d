"""Executions of the state machine that trains: start and stop them."""

import json
from dataclasses import replace

import boto3
from django.conf import settings

from core.aws import arn
from recommendations.storage import jobs as storage
from recommendations.storage.jobs import Job


def start(job: Job) -> Job:
    """Start an execution for a queued job, under the job's own id; return the job that knows it.

    Raises
    ------
    botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError
        When it could not be started.
    """
    name = settings.TRAINING_STATE_MACHINE
    # Kept before it starts: the first step looks for it.
    job = replace(job, execution=arn("states", f"execution:{name}:{job.job_id}"))
    storage.save(job)
    boto3.client("stepfunctions").start_execution(
        stateMachineArn=arn("states", f"stateMachine:{name}"),
        name=job.job_id,
        input=json.dumps({"job_id": job.job_id}),
    )
    return job


def stop(job: Job, *, reason: str) -> None:
    """Stop the execution of a job, if it still runs."""
    if job.execution is None:
        return
    client = boto3.client("stepfunctions")
    try:
        client.stop_execution(executionArn=job.execution, error="Cancelled", cause=reason)
    except (client.exceptions.ExecutionDoesNotExist, client.exceptions.ValidationException):
        return  # It has ended by itself.
