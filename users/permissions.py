"""One vocabulary of permissions, for the scopes of API keys and the roles of staff."""

from typing import Literal, get_args

Scope = Literal[
    "events:write",
    "events:read",
    "catalog:write",
    "catalog:read",
    "users:write",
    "users:read",
    "recommendations:read",
    "jobs:run",
    "insights:read",
    "placements:write",
]
Role = Literal["viewer", "merchandiser", "operator", "administrator"]

SCOPES: tuple[Scope, ...] = get_args(Scope)
ROLES: tuple[Role, ...] = get_args(Role)

MANAGE_ACCOUNTS = "accounts:manage"
MANAGE_KEYS = "keys:manage"

_VIEWER = frozenset(
    {"events:read", "catalog:read", "users:read", "recommendations:read", "insights:read"}
)
_MERCHANDISER = _VIEWER | {"catalog:write", "placements:write"}
_OPERATOR = _MERCHANDISER | {"events:write", "users:write", "jobs:run"}
_ADMINISTRATOR = _OPERATOR | {MANAGE_ACCOUNTS, MANAGE_KEYS}

ROLE_PERMISSIONS: dict[Role, frozenset[str]] = {
    "viewer": _VIEWER,
    "merchandiser": _MERCHANDISER,
    "operator": _OPERATOR,
    "administrator": _ADMINISTRATOR,
}
