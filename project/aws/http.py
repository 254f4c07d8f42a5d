"""HTTP requests of API Gateway, of both kinds, and of function URLs: how Zappa needs them."""

import contextlib
import functools
import io
from typing import Any

Event = dict[str, Any]


def is_request(event: Event) -> bool:
    """Say whether an event is an HTTP request."""
    request = event.get("requestContext")
    return isinstance(request, dict) and ("http" in request or "httpMethod" in event)


def answer(event: Event, context: Any) -> Event:
    """Answer a request through the WSGI application."""
    found = zappa().handler(as_aws_sends_it(event), context)
    # A redirect has no body; Zappa says null there, which not every front takes.
    return {**found, "body": found.get("body") or ""}


@functools.cache
def zappa() -> Any:
    """Return Zappa's handler, with the application loaded."""
    # Zappa announces itself on standard output, which is no JSON line.
    with contextlib.redirect_stdout(io.StringIO()):
        from zappa.handler import LambdaHandler

        class Handler(LambdaHandler):
            def _handle_request_exception(
                self, _event: Event, _context: Any, exception: Any
            ) -> Any:
                # Zappa would print the exception, which may name a customer, and answer 500.
                raise exception

        return Handler()


def as_aws_sends_it(event: Event) -> Event:
    """Mend what Zappa would misread in a request, and what an emulator leaves out."""
    request = event["requestContext"]
    # Zappa takes the client's address from a header that the client can write itself.
    if "http" not in request:
        headers = _without(event.get("headers"), "x-forwarded-for")
        headers["X-Forwarded-For"] = request["identity"]["sourceIp"]
        several = _without(event.get("multiValueHeaders"), "x-forwarded-for")
        return {**event, "headers": headers, "multiValueHeaders": several}
    path, prefix = event["rawPath"], f"/{request.get('stage', '$default')}"
    own_address = ".execute-api." in request.get("domainName", "") and prefix != "/$default"
    if own_address and not f"{path}/".startswith(f"{prefix}/"):
        # On an API's own address the stage is part of the path; emulators leave it out.
        path = f"{prefix}{path}"
    headers = {**event["headers"], "x-forwarded-for": request["http"]["sourceIp"]}
    # API Gateway always says how it was called, which is over TLS; an emulator is not.
    headers.setdefault("x-forwarded-proto", "http")
    return {**event, "rawPath": path, "headers": headers}


def _without(headers: dict[str, Any] | None, unwanted: str) -> dict[str, Any]:
    return {name: value for name, value in (headers or {}).items() if name.lower() != unwanted}
