"""``Idempotency-Key``: a POST that is sent again is answered again, but done once."""

import hashlib
import re
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.errors import ApiError
from core.dynamodb.conditions import save_if
from core.dynamodb.tables import OperationsRow
from core.validation import InvalidInputError

KEEP = timedelta(hours=24)
# Longer than a request can run: what is still in flight then was cut off, and may be tried again.
IN_FLIGHT_SECONDS = 60
_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_SK = "answer"
_LARGEST_ANSWER = 300 * 1024


class AnswerRow(OperationsRow):
    """The first answer to an ``Idempotency-Key``; without ``status`` while in flight.

    What the answer repeats of the request is not kept but taken from the request when it is sent
    again: customers who are erased must not live on here.
    """

    fingerprint = UnicodeAttribute(null=True)
    in_flight_until = NumberAttribute(null=True)
    status = NumberAttribute(null=True)
    body = BinaryAttribute(null=True, legacy_encoding=False)


def once(request: Request, run: Callable[[], Response]) -> Response:
    """Run an operation, or answer as the first time.

    Only successes are kept: what failed had no effect and may be sent again under its key.

    Raises
    ------
    ApiError
        422 when the key was used with another request, 409 while that one is in flight.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return run()
    if not _KEY.fullmatch(key):
        raise InvalidInputError(
            {"Idempotency-Key": ["Give 1 to 255 visible ASCII characters, without spaces."]}
        )
    pk = f"idempotency#{_digest([str(request.user.pk), key])}"
    fingerprint = _digest([request.method, request.get_full_path(), request.data])
    if not _claim(pk, fingerprint):
        return _replay(pk, fingerprint, request.data)
    try:
        response = run()
    except BaseException:
        AnswerRow(pk, _SK).delete()
        raise
    _keep(pk, fingerprint, response, request.data)
    return response


def _digest(value: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()


def _claim(pk: str, fingerprint: str) -> bool:
    """Take the key for this request; return False when another one has it."""
    now = time.time()
    row = AnswerRow(
        pk,
        _SK,
        fingerprint=fingerprint,
        in_flight_until=now + IN_FLIGHT_SECONDS,
        expires_at=datetime.now(UTC) + KEEP,
    )
    free = (
        AnswerRow.pk.does_not_exist()
        | (AnswerRow.expires_at <= datetime.fromtimestamp(now, UTC))
        | (
            AnswerRow.status.does_not_exist()
            & (AnswerRow.in_flight_until <= now)
            & (AnswerRow.fingerprint == fingerprint)
        )
    )
    return save_if(row, free)


def _replay(pk: str, fingerprint: str, sent: Any) -> Response:
    row = AnswerRow.load(pk, _SK, consistent=True)
    if row is not None and row.fingerprint != fingerprint:
        message = "This Idempotency-Key was used with another request; take a new key."
        raise ApiError(422, message)
    if row is None or row.status is None:
        message = "The first request with this Idempotency-Key is still running; try again shortly."
        raise ApiError(409, message, headers={"Retry-After": "1"})
    repeated, data = msgspec.json.decode(zlib.decompress(row.body))
    if repeated:
        data = {**{name: sent[name] for name in repeated}, **data}
    return Response(data, status=int(row.status), headers={"Idempotency-Replayed": "true"})


def _split(data: Any, sent: Any) -> tuple[list[str], Any]:
    """Return the names of the fields that an answer repeats of the request, and the rest."""
    data = msgspec.json.decode(msgspec.json.encode(data))
    if not isinstance(data, dict) or not isinstance(sent, dict):
        return [], data
    repeated = [name for name, value in data.items() if name in sent and sent[name] == value]
    return repeated, {name: value for name, value in data.items() if name not in repeated}


def _keep(pk: str, fingerprint: str, response: Response, sent: Any) -> None:
    body = zlib.compress(msgspec.json.encode(_split(response.data, sent)))
    if len(body) > _LARGEST_ANSWER:
        # More than a row can hold. Such answers are to bulk upserts, which may be done again.
        AnswerRow(pk, _SK).delete()
        return
    AnswerRow(
        pk,
        _SK,
        fingerprint=fingerprint,
        status=response.status_code,
        body=body,
        expires_at=datetime.now(UTC) + KEEP,
    ).save()
