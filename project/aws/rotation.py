"""How a running process follows the rotation of Django's secret key.

A process that signs with a key which others do not know yet would log their users out. So each
process reads the parameter again every few minutes, verifies with all keys in it at once, and signs
with a new one only when its time has come, by which all others know it.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from project.aws import parameters
from project.aws.stages import StageError

READ_AGAIN_SECONDS = parameters.SIGNS_AFTER.total_seconds() / 3
_TRY_AGAIN_SECONDS = 30.0

logger = logging.getLogger(__name__)


class Rotation:
    """The keys of one parameter, as this process knows them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._keys = parameters.read(name)
        self._read_again = time.monotonic() + READ_AGAIN_SECONDS
        self._reading = Lock()

    def current(self) -> list[str]:
        """Return the keys, the one that signs now first; reads them again from time to time."""
        if time.monotonic() >= self._read_again and self._reading.acquire(blocking=False):
            try:
                self._read()
            finally:
                self._reading.release()
        return parameters.in_order(self._keys, now=datetime.now(UTC))

    def _read(self) -> None:
        wait = READ_AGAIN_SECONDS
        try:
            self._keys = parameters.read(self._name)
        except (BotoCoreError, ClientError, StageError):
            # Those we have are good for a while; nobody should notice that they cannot be read.
            logger.warning("the secret key cannot be read again", exc_info=True)
            wait = _TRY_AGAIN_SECONDS
        self._read_again = time.monotonic() + wait


def follow() -> None:
    """Give Django the keys that are good now."""
    rotation: Rotation | None = settings.SECRET_KEY_ROTATION
    if rotation is None:
        return
    keys = rotation.current()
    if keys != [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]:
        # In this order a thread beside us knows all keys at any moment.
        settings.SECRET_KEY_FALLBACKS = keys
        settings.SECRET_KEY = keys[0]
        settings.SECRET_KEY_FALLBACKS = keys[1:]


def following(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware that follows the rotation before each request."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        follow()
        return get_response(request)

    return middleware
