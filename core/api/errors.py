"""One body for all errors of the API, and the status that each exception gets."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.http import Http404
from django.http.multipartparser import MultiPartParserError
from rest_framework.exceptions import APIException, Throttled
from rest_framework.response import Response

from core.dynamodb.errors import CursorError, RowTooLargeError, is_transient
from core.validation import InvalidInputError

RETRY_SECONDS = 2
_passing: list[type[Exception]] = []
INVALID = "invalid"
_CODES = {
    400: INVALID,
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "idempotency_mismatch",
    429: "too_many_requests",
    503: "unavailable",
}
_MESSAGES = {
    400: "This request is malformed.",
    403: "This is not allowed.",
    404: "There is nothing at this address; check the path and its trailing slash.",
    413: "This request is too large; send less at once.",
    415: "Send JSON, with the header 'Content-Type: application/json'.",
    429: "Too many requests at once; go on after the seconds in Retry-After.",
    500: "Something went wrong on our side; it has been logged under this request's id.",
    503: "The database is busy; try again shortly.",
}


class ApiError(Exception):
    """An answer other than success, raised from anywhere below a view."""

    def __init__(
        self,
        status: int,
        message: str = "",
        *,
        details: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.message = message or default_message(status)
        self.details = dict(details or {})
        self.headers = dict(headers or {})
        super().__init__(self.message)

    @property
    def body(self) -> dict[str, Any]:
        return {"error": error_content(self.status, self.message, self.details)}


def default_message(status: int) -> str:
    return _MESSAGES.get(status, _MESSAGES[500] if status >= 500 else _MESSAGES[400])


def error_content(
    status: int, message: str, details: Mapping[str, list[str]] | None = None
) -> dict[str, Any]:
    """Return what stands under ``error`` in a body, or in a rejected row of a bulk request."""
    code = _CODES.get(status, "error" if status >= 500 else INVALID)
    return {"code": code, "message": message, "details": dict(details or {})}


def invalid_content(error: InvalidInputError) -> dict[str, Any]:
    """Return the same for input that was not accepted."""
    fields = ", ".join(field for field in error.details if field)
    message = f"Not accepted: {fields}." if fields else "Not accepted; see the details."
    return error_content(400, message, error.details)


def retry_later(kind: type[Exception]) -> None:
    """Answer 503 to an exception of an app's own, after which the same call may succeed."""
    _passing.append(kind)


def to_api_error(error: Exception) -> ApiError | None:
    """Return what a client is told about an exception; None when it is a fault of ours."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, InvalidInputError):
        content = invalid_content(error)
        return ApiError(400, content["message"], details=error.details)
    if isinstance(error, CursorError):
        return ApiError(400, "Not accepted: cursor.", details={"cursor": [f"{error}."]})
    if isinstance(error, RowTooLargeError | RequestDataTooBig):
        return ApiError(413)
    if isinstance(error, Http404):
        return ApiError(404)
    if isinstance(error, PermissionDenied):
        return ApiError(403)
    if isinstance(error, SuspiciousOperation | BadRequest | MultiPartParserError):
        return ApiError(400)
    if isinstance(error, APIException):
        return _from_framework(error)
    if is_transient(error) or isinstance(error, tuple(_passing)):
        return ApiError(503, headers={"Retry-After": str(RETRY_SECONDS)})
    return None


def _from_framework(error: APIException) -> ApiError:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = str(challenge)
    if isinstance(error, Throttled):
        headers["Retry-After"] = str(max(1, int(error.wait or 0)))
    message = _MESSAGES[error.status_code] if error.status_code in {415, 429} else str(error.detail)
    return ApiError(error.status_code, message, headers=headers)


def exception_handler(error: Exception, _context: Mapping[str, Any]) -> Response | None:
    """Answer an exception inside a view, for REST framework's ``EXCEPTION_HANDLER``."""
    problem = to_api_error(error)
    if problem is None:
        return None
    return Response(problem.body, status=problem.status, headers=problem.headers)
