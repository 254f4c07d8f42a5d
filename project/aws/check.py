"""Whether a version of a function can do its work, found out by calling it."""

import importlib
import json
from typing import Any

import boto3

from project.aws.stages import Stage

EVENT = "check"
# What each function loads only once it has something to do.
LOADED = {
    "api": ("project.urls",),
    "stream": ("recommendations.streams",),
    "jobs": ("recommendations.jobs", "recommendations.training.pipeline"),
}
_READY = "/api/v1/health/ready/"


def failing(stage: Stage, version: str, *, before: str | None) -> str:
    """Call a version; return what is wrong with it, or nothing.

    ``before`` is the version that serves: an API that cannot recommend yet, for want of a model,
    is no worse than it.
    """
    for role in sorted(stage.roles):
        answer, problem = _call(stage, version, {EVENT: role})
        if problem:
            return problem
        if answer.get("version") != version:
            return f"version {answer.get('version')} answered instead"
    if "api" not in stage.roles:
        return ""
    answer, problem = _call(stage, version, _request(stage))
    status = answer.get("statusCode")
    if problem or status == 200:
        return problem
    if status == 503 and (before in {None, version} or not _is_ready(stage, before)):
        return ""
    return f"GET {_READY} answered {status}: {str(answer.get('body'))[:200]}"


def answer(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Answer in the function: load what it needs and read a row of its tables."""
    from recommendations.services import versions

    for module in LOADED[event[EVENT]]:
        importlib.import_module(module)
    return {"version": str(context.function_version), "model": versions.live() or ""}


def _is_ready(stage: Stage, version: str | None) -> bool:
    answer, problem = _call(stage, version or "$LATEST", _request(stage))
    return not problem and answer.get("statusCode") == 200


def _call(stage: Stage, version: str, event: dict[str, Any]) -> tuple[dict[str, Any], str]:
    client = boto3.client("lambda", region_name=stage.region)
    # A version that has just been published may take a while to be there.
    client.get_waiter("published_version_active").wait(
        FunctionName=stage.function, Qualifier=version
    )
    reply = client.invoke(
        FunctionName=stage.function, Qualifier=version, Payload=json.dumps(event).encode()
    )
    content = json.loads(reply["Payload"].read() or b"null")
    if "FunctionError" in reply:
        return {}, f"{content.get('errorType', 'Error')}: {content.get('errorMessage', '')}"[:500]
    return (content if isinstance(content, dict) else {}), ""


def _request(stage: Stage) -> dict[str, Any]:
    """Return a request as an HTTP API sends it (payload version 2.0)."""
    host = stage.environment.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip()
    domain = f"check{host}" if host.startswith(".") else host
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": f"/{stage.name}{_READY}",
        "rawQueryString": "",
        "headers": {"host": domain, "x-forwarded-proto": "https"},
        "requestContext": {
            "domainName": domain,
            "stage": stage.name,
            "http": {
                "method": "GET",
                "path": f"/{stage.name}{_READY}",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "alsobought-check",
            },
        },
        "isBase64Encoded": False,
    }
