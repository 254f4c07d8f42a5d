"""JSON in and out, strict and fast."""

from collections.abc import Mapping
from typing import IO, Any

import msgspec
from django.conf import settings
from django.http import HttpResponse
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from core.api.errors import ApiError


class JSONParser(BaseParser):
    """Reads UTF-8 JSON. Refuses NaN, lone surrogates, numbers out of range, endless nesting."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], *_: Any) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            message = f"A request may have at most {limit // 1024**2} MB; send it in parts."
            raise ApiError(413, message)
        try:
            return _DECODER.decode(raw)
        except RecursionError as error:
            message = "This JSON is nested too deeply."
            raise ParseError(message) from error
        except ValueError as error:
            message = f"This is not valid JSON: {_reason(error)}."
            raise ParseError(message) from error


def _number(text: str) -> float:
    """Return a number that is written with a point or an exponent; JSON's 2.0 is the integer 2."""
    number = float(text)
    is_exact = number.is_integer() and abs(number) <= 2**53
    return int(number) if is_exact else number


_DECODER = msgspec.json.Decoder(float_hook=_number)


def _reason(error: ValueError) -> str:
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


class JSONRenderer(BaseRenderer):
    """Writes JSON: decimals as text, times as ISO 8601 in UTC."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, *_: Any) -> bytes:
        return b"" if data is None else msgspec.json.encode(data)


class JSONResponse(HttpResponse):
    """The answer of an operation, written at once; REST framework's own is a page to be rendered.

    Attributes
    ----------
    data
        What it says, before it became JSON; None for an empty answer.
    """

    def __init__(self, data: Any, *, status: int, headers: Mapping[str, str] | None = None) -> None:
        content = b"" if data is None else msgspec.json.encode(data)
        super().__init__(
            content, status=status, headers=headers, content_type=JSONRenderer.media_type
        )
        self.data = data
        if data is None:
            del self["Content-Type"]


class OneMediaType(BaseContentNegotiation):
    """Answers in the view's one media type, whatever the client would rather have."""

    def select_parser(self, request: Request, parsers: list[BaseParser]) -> BaseParser | None:
        content_type = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == content_type), None)

    def select_renderer(
        self, _request: Request, renderers: list[BaseRenderer], *_: Any
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type
