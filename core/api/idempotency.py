"""``Idempotency-Key``: a POST that is sent again is answered again, but done once."""

import hashlib
import logging
import re
import secrets
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from rest_framework.request import Request

from core.api.errors import ApiError, to_api_error
from core.api.media import JSONResponse
from core.dynamodb.conditions import save_if
from core.dynamodb.errors import is_transient
from core.dynamodb.tables import OperationsRow
from core.validation import InvalidInputError, from_iso, to_iso

logger = logging.getLogger(__name__)

KEEP = timedelta(hours=24)
# Longer than a request can run: what is still in flight then was cut off, and may be tried again.
IN_FLIGHT_SECONDS = 60
_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_SK = "answer"
_LARGEST_ANSWER = 300 * 1024


class AnswerRow(OperationsRow):
    """The first answer to an ``Idempotency-Key``; without ``status`` while in flight.

    ``since`` is when the request came for the first time.

    What the answer repeats of the request is not kept but taken from the request when it is sent
    again: customers who are erased must not live on here.
    """

    fingerprint = UnicodeAttribute(null=True)
    since = UnicodeAttribute(null=True)
    in_flight_until = NumberAttribute(null=True)
    status = NumberAttribute(null=True)
    body = BinaryAttribute(null=True, legacy_encoding=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """What stays the same when a request comes again under its ``Idempotency-Key``.

    So that what a first try has stored in part is stored again by a second one, and not twice.

    Attributes
    ----------
    at
        When the request came for the first time.
    """

    at: datetime
    seed: str

    def name(self, index: int) -> str:
        """Return a name for the thing that a request makes at a place in its body."""
        return _digest([self.seed, to_iso(self.at), index])[:24]


def identity_of(request: Request) -> Identity:
    """Return the identity of a request; without an ``Idempotency-Key`` it is a new one."""
    known: Identity | None = getattr(request, "_identity", None)
    return known or Identity(datetime.now(UTC), secrets.token_hex(16))


def once(request: Request, run: Callable[[], JSONResponse]) -> JSONResponse:
    """Run an operation, or answer as the first time.

    Only successes are kept. What was refused had no effect, and its key may be used again; what
    failed on our side may have been done in part, and may be sent again as it was.

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
    claimed = _claim(pk, fingerprint)
    if claimed is None:
        return _replay(pk, fingerprint, request.data)
    request._identity = Identity(claimed, pk)
    try:
        response = run()
    except BaseException as error:
        problem = to_api_error(error) if isinstance(error, Exception) else None
        with _if_possible():
            if problem is not None and problem.status < 500:
                AnswerRow(pk, _SK).delete()
            else:
                _release(pk)
        raise
    # What is done is done: a lost note of it must not make it look undone.
    with _if_possible():
        _keep(pk, fingerprint, claimed, response, request.data)
    return response


@contextmanager
def _if_possible() -> Iterator[None]:
    """Let DynamoDB be busy: the claim then ends by itself."""
    try:
        yield
    except Exception as error:
        if not is_transient(error):
            raise
        logger.warning("an idempotency key could not be updated")


def _digest(value: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()


def _claim(pk: str, fingerprint: str) -> datetime | None:
    """Take the key for this request; None when another one has it, or this one has been answered.

    Returns
    -------
    datetime
        When the request was claimed for the first time.
    """
    now = datetime.fromtimestamp(time.time(), UTC)
    free = AnswerRow.pk.does_not_exist() | (AnswerRow.expires_at <= now)
    if save_if(_claim_row(pk, fingerprint, since=now, now=now), free):
        return now
    cut_off = AnswerRow.load(pk, _SK, consistent=True)
    if (
        cut_off is None
        or cut_off.fingerprint != fingerprint
        or cut_off.status is not None
        or cut_off.in_flight_until > now.timestamp()
    ):
        return None
    since = from_iso(cut_off.since)
    unchanged = AnswerRow.status.does_not_exist() & (
        AnswerRow.in_flight_until == cut_off.in_flight_until
    )
    taken = save_if(_claim_row(pk, fingerprint, since=since, now=now), unchanged)
    return since if taken else None


def _claim_row(pk: str, fingerprint: str, *, since: datetime, now: datetime) -> AnswerRow:
    return AnswerRow(
        pk,
        _SK,
        fingerprint=fingerprint,
        since=to_iso(since),
        in_flight_until=now.timestamp() + IN_FLIGHT_SECONDS,
        expires_at=since + KEEP,
    )


def _release(pk: str) -> None:
    """Let the same request be tried again at once."""
    AnswerRow(pk, _SK).update(actions=[AnswerRow.in_flight_until.set(0)])


def _replay(pk: str, fingerprint: str, sent: Any) -> JSONResponse:
    row = AnswerRow.load(pk, _SK, consistent=True)
    if row is not None and row.fingerprint != fingerprint:
        message = "This Idempotency-Key was used with another request; take a new key."
        raise ApiError(422, message)
    if row is None or row.status is None:
        message = "The first request with this Idempotency-Key is still running; try again shortly."
        raise ApiError(409, message, headers={"Retry-After": "1"})
    names, data = msgspec.json.decode(zlib.decompress(row.body))
    if names:
        data = {name: data[name] if name in data else sent[name] for name in names}
    return JSONResponse(data, status=int(row.status), headers={"Idempotency-Replayed": "true"})


def _split(data: Any, sent: Any) -> tuple[list[str], Any]:
    """Return the names of an answer's fields in order, and those that do not repeat the request."""
    data = msgspec.json.decode(msgspec.json.encode(data))
    if not isinstance(data, dict) or not isinstance(sent, dict):
        return [], data
    own = {name: value for name, value in data.items() if name not in sent or sent[name] != value}
    return list(data), own


def _keep(pk: str, fingerprint: str, since: datetime, response: JSONResponse, sent: Any) -> None:
    body = zlib.compress(msgspec.json.encode(_split(response.data, sent)))
    if len(body) > _LARGEST_ANSWER:
        # More than a row can hold; done again, the request makes the same.
        _release(pk)
        return
    AnswerRow(
        pk,
        _SK,
        fingerprint=fingerprint,
        since=to_iso(since),
        status=response.status_code,
        body=body,
        expires_at=since + KEEP,
    ).save()
