"""Static files with hashed names, at whatever prefix the site is served from."""

from django.urls import get_script_prefix
from whitenoise.storage import (  # type: ignore[import-untyped]
    CompressedManifestStaticFilesStorage,
)


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """Hashed and compressed files whose addresses carry the prefix of the current request.

    Django reads the prefix once and keeps it. A function that is reached both through its API's
    address, below the name of the stage, and through a domain of its own needs it every time.
    """

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **{**options, "base_url": "/static/"})

    def url(self, name: str, force: bool = False) -> str:
        return get_script_prefix() + super().url(name, force).removeprefix("/")
