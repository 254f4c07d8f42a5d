"""How often one API key, or one member of the staff, may ask."""

import math
import threading
import time
from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

if TYPE_CHECKING:
    # REST framework imports this module while it makes that class.
    from rest_framework.views import APIView

_lock = threading.Lock()
# By caller: the requests in hand, and when they were counted. Only known callers get here, so
# there are no more of them than there are keys and accounts.
_buckets: dict[str, tuple[float, float]] = {}


class Throttle(BaseThrottle):
    """A bucket of `API_BURST` requests that fills by `API_RATE` a second, in this process.

    Counting across processes would cost a write per request.
    """

    _seconds = 0.0

    def allow_request(self, request: Request, _view: "APIView") -> bool:
        if settings.API_RATE <= 0:
            return True
        self._seconds = _take(str(request.user.pk))
        return self._seconds == 0

    def wait(self) -> float:
        return math.ceil(self._seconds)


def _take(caller: str) -> float:
    """Take one request out of a caller's bucket; return the seconds to wait if it is empty."""
    now = time.monotonic()
    with _lock:
        left, counted = _buckets.get(caller, (settings.API_BURST, now))
        left = min(settings.API_BURST, left + (now - counted) * settings.API_RATE)
        allowed = left >= 1
        _buckets[caller] = (left - 1 if allowed else left, now)
    return 0.0 if allowed else (1 - left) / settings.API_RATE
