"""Below ``/api/``: every error is JSON, and programs have no session."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from core.api.authentication import SCHEME
from core.api.errors import ApiError
from core.sessions import reading_the_owner

Handler = Callable[[HttpRequest], HttpResponse]

_PREFIX = "/api/"
_SAFE = {"GET", "HEAD", "OPTIONS"}
_KEY = f"{SCHEME} ".lower()


def api_errors(get_response: Handler) -> Handler:
    """Refuse addresses that are not text, and give Django's own error pages our body."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(_PREFIX):
            return get_response(request)
        problem = _problem_with_address(request)
        if problem is not None:
            return _json(problem)
        response = get_response(request)
        if response.status_code >= 400 and response.get("Content-Type") != "application/json":
            error = ApiError(response.status_code)
            kept = {name: response[name] for name in ("Allow",) if response.has_header(name)}
            response = _json(error)
            for name, value in kept.items():
                response[name] = value
        return response

    return middleware


def _json(error: ApiError) -> HttpResponse:
    content = msgspec.json.encode(error.body)
    return HttpResponse(
        content,
        status=error.status,
        content_type="application/json",
        headers={**error.headers, "Content-Length": str(len(content))},
    )


def _problem_with_address(request: HttpRequest) -> ApiError | None:
    # Django puts a replacement character where a query is not UTF-8. (In a path it takes such
    # bytes for the text of their escapes, which then names nothing.)
    query = unquote_to_bytes(request.META.get("QUERY_STRING", ""))
    if "\0" in request.path_info or b"\0" in query or not _is_utf8(query):
        return ApiError(400, "The address holds a zero byte, or bytes that are not UTF-8.")
    if request.method not in _SAFE and not request.path_info.endswith("/"):
        # Django would redirect, and the client would lose its body on the way.
        return ApiError(404, "There is nothing at this address; it must end with a slash.")
    return None


def _is_utf8(part: bytes) -> bool:
    try:
        part.decode()
    except UnicodeDecodeError:
        return False
    return True


class _ForBrowsers:
    """Lets programs pass, which show a key: whatever it proves, nobody looks for a session then."""

    get_response: Handler

    def __call__(self, request: HttpRequest) -> Any:
        shown = request.META.get("HTTP_AUTHORIZATION", "")
        if request.path_info.startswith(_PREFIX) and shown[: len(_KEY)].lower() == _KEY:
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class SessionMiddleware(_ForBrowsers, sessions.SessionMiddleware):
    """Django's, but not for programs."""


class AuthenticationMiddleware(_ForBrowsers, auth.AuthenticationMiddleware):
    """Django's, but not for programs; session and account are read in one round trip."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _user(request))


def _user(request: HttpRequest) -> Any:
    with reading_the_owner():
        return auth.get_user(request)


class MessageMiddleware(_ForBrowsers, messages.MessageMiddleware):
    """Django's, but not for programs."""
