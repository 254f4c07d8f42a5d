"""Who is asking: a program with an API key, or staff with a session."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

if TYPE_CHECKING:
    # REST framework imports this module while it makes that class.
    from rest_framework.views import APIView

SCHEME = "Api-Key"


class Key(Protocol):
    """What the verifier of API keys returns."""

    @property
    def prefix(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def scopes(self) -> Collection[str]: ...


@dataclass(frozen=True, slots=True)
class Program:
    """The user of a request that an API key was sent with."""

    key: Key

    is_authenticated = True
    is_active = True
    is_staff = False

    @property
    def pk(self) -> str:
        return self.key.prefix

    def has_perm(self, perm: str) -> bool:
        return perm in self.key.scopes

    def __str__(self) -> str:
        return self.key.name


class ApiKeyAuthentication(BaseAuthentication):
    """Reads ``Authorization: Api-Key <key>``; `settings.API_KEY_VERIFIER` checks the key."""

    def authenticate(self, request: Request) -> tuple[Program, Key] | None:
        scheme, _, text = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != SCHEME.lower():
            return None
        key: Key | None = import_string(settings.API_KEY_VERIFIER)(text.strip())
        if key is None:
            message = "This API key is not valid; it may have been revoked."
            raise AuthenticationFailed(message)
        return Program(key), key

    def authenticate_header(self, _request: Request) -> str:
        return f'{SCHEME} realm="api"'


class HasScope(BasePermission):
    """Lets a request through only where the view names a scope and the user has it."""

    message = "This needs a scope or role that you do not have."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not request.user.is_authenticated:
            return False
        method = request.method.lower()
        if method not in view.http_method_names:
            return True  # The view answers 405.
        handler: Any = getattr(view, method, None)
        if handler is None:
            return True
        operation = getattr(handler, "operation", None)
        scopes = operation.scopes if operation is not None else ()
        return any(request.user.has_perm(scope) for scope in scopes)
