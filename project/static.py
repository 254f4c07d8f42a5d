"""Static files with hashed names, from this site at whatever prefix, or from elsewhere."""

from threading import Lock
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import get_script_prefix
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]
from whitenoise.storage import (  # type: ignore[import-untyped]
    CompressedManifestStaticFilesStorage,
)


class _PrefixedAddresses(StaticFilesStorage):
    """Files whose addresses carry the prefix of the current request.

    Django reads the prefix once and keeps it. A function that is reached both through its API's
    address, below the name of the stage, and through a domain of its own needs it every time.
    Files that are kept elsewhere (``STATIC_ADDRESS``) have one address for all.
    """

    def __init__(self, *args: object, **options: object) -> None:
        base = settings.STATIC_ADDRESS or settings.WHITENOISE_STATIC_PREFIX
        super().__init__(*args, **{**options, "base_url": base})

    def url(self, name: str, *args: object, **options: object) -> str:
        address: str = super().url(name, *args, **options)
        return address if settings.STATIC_ADDRESS else get_script_prefix() + address.lstrip("/")


class PlainStaticFiles(_PrefixedAddresses):
    """The files as they are in the source."""


class HashedStaticFiles(_PrefixedAddresses, CompressedManifestStaticFilesStorage):
    """The files as they were collected: compressed, and with hashed names."""


class StaticFiles(WhiteNoiseMiddleware):
    """WhiteNoise, which looks at the files when the first is asked for.

    That takes as long as a tenth of a cold start, and most are for a request of the API.
    """

    def __init__(self, *args: Any) -> None:
        if settings.STATIC_ADDRESS:
            raise MiddlewareNotUsed
        self._unseen: list[tuple[Any, str | None]] = []
        self._looking = Lock()
        super().__init__(*args)

    def add_files(self, root: Any, prefix: str | None = None) -> None:
        self._unseen.append((root, prefix))

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if self._unseen and request.path_info.startswith(self.static_prefix):
            self._look()
        response: HttpResponseBase = super().__call__(request)
        return response

    def _look(self) -> None:
        with self._looking:
            while self._unseen:
                super().add_files(*self._unseen[-1])
                # Only now: who finds nothing left to do must find all files.
                self._unseen.pop()
