"""What every answer gets: an id, its cost counted and shown to those who may see it, a policy."""

import re
import secrets
import time
from collections.abc import Callable
from contextvars import ContextVar
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from core import usage
from core.dynamodb.meter import Meter, metered

Handler = Callable[[HttpRequest], HttpResponse]

# The id of the request that is being answered, for log lines; on Lambda at first that of the call.
request_id: ContextVar[str] = ContextVar("request_id", default="")

_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}", re.ASCII)
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_CONVERTER = re.compile(r"<\w+:")
# Pictures of products come from the shop's own servers, over HTTPS.
_POLICY = (
    "default-src 'self'; script-src {ours}; style-src {ours}; font-src {ours}; "
    "img-src {ours} data: https:; "
    "object-src 'none'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
)


def content_policy(*, forms_to: str = "") -> str:
    """Return the content policy of a page; its forms may also go to another origin."""
    static = urlsplit(settings.STATIC_ADDRESS)
    ours = f"'self' {static.scheme}://{static.netloc}" if static.netloc else "'self'"
    return f"{_POLICY.format(ours=ours)} {forms_to}".rstrip()


def observe(get_response: Handler) -> Handler:
    """Give each request an id, or keep the client's, and count what it costs in DynamoDB."""

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        known = given if _REQUEST_ID.fullmatch(given) else request_id.get()
        identity = known or secrets.token_hex(8)
        token = request_id.set(identity)
        started = time.perf_counter()
        try:
            with metered() as meter:
                response = get_response(request)
        finally:
            request_id.reset(token)
        usage.add(
            "endpoint", _endpoint(request), meter=meter, seconds=time.perf_counter() - started
        )
        response["X-Request-Id"] = identity
        # Not through request.GET, which raises when there are too many parameters.
        asked = "debug=cost" in request.META.get("QUERY_STRING", "").split("&")
        if asked or _is_staff(request):
            _add_cost(response, meter)
        if request.method == "HEAD" and not response.streaming:
            # WSGI servers leave this to the application; its length stays announced.
            response.content = b""
        return response

    return middleware


def route_of(request: object) -> str:
    """Return the pattern that a request matched, such as ``api/v1/items/<str:item_id>/``."""
    match = getattr(request, "resolver_match", None)
    return str(getattr(match, "route", "") or "")


def _endpoint(request: HttpRequest) -> str:
    """Return a name of which there are only so many, whatever clients send."""
    route = route_of(request)
    if not route:
        return "files and unknown addresses"
    method = request.method if request.method in _METHODS else "other"
    return f"{method} /{_CONVERTER.sub('<', route)}"


def _is_staff(request: HttpRequest) -> bool:
    # Looks only at a user that has been loaded: asking must not cost a read itself.
    user = getattr(request, "_cached_user", None)
    return bool(getattr(user, "is_staff", False))


def _add_cost(response: HttpResponse, meter: Meter) -> None:
    response["X-DynamoDB-Read-Units"] = f"{meter.read_units:g}"
    response["X-DynamoDB-Write-Units"] = f"{meter.write_units:g}"
    response["X-DynamoDB-Round-Trips"] = str(meter.round_trips)


def limit_uploads(get_response: Handler) -> Handler:
    """Refuse what is larger than the site takes before any of it is read.

    Django limits fields but not files. The API has a limit and an answer of its own.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        limit = settings.UPLOAD_BYTES
        length = request.META.get("CONTENT_LENGTH") or "0"
        is_form = not request.path_info.startswith("/api/")
        if is_form and limit and length.isdecimal() and int(length) > limit:
            return render(request, "413.html", {"limit": limit}, status=413)
        return get_response(request)

    return middleware


def content_security_policy(get_response: Handler) -> Handler:
    """Let pages run our own scripts and styles only; a view may have set a policy of its own."""
    policy = content_policy()

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.setdefault("Content-Security-Policy", policy)
        return response

    return middleware
