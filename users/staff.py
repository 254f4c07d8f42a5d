"""The staff site's pages on staff accounts and API keys."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest

from core.pages import Page
from core.staff.html import badge, moment, tags
from core.staff.links import detail_url, list_url
from core.staff.resource import (
    Action,
    ActionError,
    Call,
    Column,
    Filter,
    Hint,
    Outcome,
    Panel,
    Query,
    Resource,
    Search,
)
from users.entities import ApiKey, StaffAccount
from users.permissions import MANAGE_ACCOUNTS, MANAGE_KEYS, ROLE_PERMISSIONS, ROLES, SCOPES
from users.services import accounts, keys

_ROLE_CHOICES = [(role, role) for role in ROLES]


def _shown_once(title: str, label: str, secret: str, note: str) -> Panel:
    return Panel(
        title=title,
        template="staff/panels/secret.html",
        context={"label": label, "secret": secret, "note": note},
    )


class AccountForm(forms.Form):
    """Who is to have an account."""

    username = forms.CharField(
        max_length=64, help_text="Letters, digits and . @ + - _; case makes no difference."
    )
    role = forms.ChoiceField(choices=_ROLE_CHOICES)


class RoleForm(forms.Form):
    """What an account may do."""

    role = forms.ChoiceField(choices=_ROLE_CHOICES)


def _create_account(call: Call) -> Outcome:
    password = secrets.token_urlsafe(12)
    try:
        account = accounts.create(
            username=call.data["username"], password=password, role=call.data["role"]
        )
    except accounts.UsernameTakenError as error:
        raise ActionError(f"{error}.") from error
    return Outcome(
        message=f"{account.username} can log in now.",
        url=detail_url("accounts", account.account_id),
        target=account.username,
        after={"role": account.role},
        panel=_password_panel(password),
    )


def _password_panel(password: str) -> Panel:
    return _shown_once(
        "First password",
        "Password",
        password,
        "It is shown only now. Hand it over safely; it can be changed after the first login.",
    )


def _refuse_own(call: Call) -> None:
    account: StaffAccount = call.row
    if account.username.lower() == call.by.lower():
        message = (
            "This is your own account: ask another administrator, so that nobody is locked out."
        )
        raise ActionError(message)


def _set_role(call: Call) -> Outcome:
    _refuse_own(call)
    account: StaffAccount = call.row
    accounts.set_role(account_id=account.account_id, role=call.data["role"])
    return Outcome(
        message=f"{account.username} is {call.data['role']} from the next click on.",
        target=account.username,
        before={"role": account.role},
        after={"role": call.data["role"]},
    )


def _set_active(call: Call, *, active: bool) -> Outcome:
    _refuse_own(call)
    account: StaffAccount = call.row
    accounts.set_active(account_id=account.account_id, active=active)
    return Outcome(
        message=f"{account.username} {'can log in again' if active else 'is logged out for good'}.",
        target=account.username,
        before={"active": account.is_active},
        after={"active": active},
    )


def _reset_password(call: Call) -> Outcome:
    account: StaffAccount = call.row
    password = secrets.token_urlsafe(12)
    accounts.set_password(account_id=account.account_id, password=password)
    return Outcome(
        message=f"{account.username} has a new password and is logged out everywhere.",
        target=account.username,
        panel=_password_panel(password),
    )


class AccountResource(Resource):
    """Who may log in to the staff site, and as what."""

    name = "accounts"
    singular = "Account"
    plural = "Accounts"
    permission = MANAGE_ACCOUNTS
    intro = "Who may log in here, and as what. Programs have API keys instead."
    search = Search(help="The beginning of a username.", placeholder="ada")
    filters = (
        Filter(name="role", title="role", choices=tuple(_ROLE_CHOICES)),
        Filter(
            name="state",
            title="state",
            choices=(("active", "Active"), ("deactivated", "Deactivated")),
        ),
    )
    columns = (
        Column("Username", lambda row: row.username),
        Column("Role", lambda row: row.role),
        Column("State", lambda row: _state(row)),
        Column("Created (UTC)", lambda row: moment(row.created_at), "wide-only"),
    )
    actions = (
        Action(
            name="add",
            label="Add account",
            permission=MANAGE_ACCOUNTS,
            question="Who is to log in here, and as what? A first password is made for them.",
            confirm_label="Add",
            run=_create_account,
            on_row=False,
            form=lambda _, data: AccountForm(data),
        ),
        Action(
            name="role",
            label="Change role",
            permission=MANAGE_ACCOUNTS,
            question="What may {title} do from now on?",
            confirm_label="Change",
            run=_set_role,
            form=lambda row, data: RoleForm(data, initial={"role": row.role}),
        ),
        Action(
            name="reset-password",
            label="New password",
            permission=MANAGE_ACCOUNTS,
            question="Make a new password for {title}, and end all their sessions?",
            confirm_label="Make it",
            run=_reset_password,
        ),
        Action(
            name="deactivate",
            label="Deactivate",
            permission=MANAGE_ACCOUNTS,
            question="Log {title} out everywhere, and let them in no more? It can be undone.",
            confirm_label="Deactivate",
            danger=True,
            run=lambda call: _set_active(call, active=False),
            offered=lambda row: row.is_active,
        ),
        Action(
            name="activate",
            label="Activate",
            permission=MANAGE_ACCOUNTS,
            question="Let {title} log in again?",
            confirm_label="Activate",
            run=lambda call: _set_active(call, active=True),
            offered=lambda row: not row.is_active,
        ),
    )

    def page(self, query: Query) -> Page[StaffAccount]:
        state = query.filters.get("state")
        return accounts.listing(
            limit=query.limit,
            position=query.position,
            text=query.search,
            role=query.filters.get("role"),
            active=None if state is None else state == "active",
        )

    def key(self, row: StaffAccount) -> str:
        return row.account_id

    def title(self, row: StaffAccount) -> str:
        return row.username

    def find(self, key: str) -> StaffAccount | None:
        return accounts.find(account_id=key)

    def empty(self, query: Query) -> Hint:
        if query.is_narrowed:
            return Hint(
                "No account matches. Try fewer letters of the username, or clear the filters.",
                "All accounts",
                list_url(self.name),
            )
        return Hint("There are no accounts yet. Add one for each member of the staff.")

    def panels(self, request: HttpRequest, row: StaffAccount) -> Sequence[Panel]:  # noqa: ARG002  # for others
        facts = [
            ("Username", row.username),
            ("Role", row.role),
            ("State", _state(row)),
            ("Created (UTC)", moment(row.created_at)),
            ("May", tags(sorted(ROLE_PERMISSIONS[row.role]))),
        ]
        return [Panel(title="About", template="staff/panels/facts.html", context={"facts": facts})]


def _state(account: StaffAccount) -> Any:
    return badge("active", "good") if account.is_active else badge("deactivated", "bad")


class KeyForm(forms.Form):
    """What a program is to be called, and may do."""

    name = forms.CharField(max_length=100, help_text="The program that will use it.")
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES],
        widget=forms.CheckboxSelectMultiple,
        help_text="A program should get no more than it needs.",
    )


def _key_panel(text: str) -> Panel:
    return _shown_once(
        "API key",
        "Key",
        text,
        "It is shown only now, and not stored. Send it as “Authorization: Api-Key <key>”.",
    )


def _create_key(call: Call) -> Outcome:
    text, key = keys.create(name=call.data["name"], scopes=call.data["scopes"], by=call.by)
    return Outcome(
        message=f"The key {key.name} works now.",
        url=detail_url("keys", key.prefix),
        target=key.prefix,
        after={"name": key.name, "scopes": sorted(key.scopes)},
        panel=_key_panel(text),
    )


def _rotate_key(call: Call) -> Outcome:
    grace = timedelta(hours=int(call.data["grace"]))
    made = keys.rotate(prefix=call.row.prefix, grace=grace)
    if made is None:
        message = "This key has been revoked or rotated meanwhile. Look at it again."
        raise ActionError(message)
    text, key = made
    ends = f"works until {_minute(key.former_until)} UTC" if grace else "ends within 30 seconds"
    return Outcome(
        message=f"The key {key.name} has a new secret; the old one {ends}.",
        after={"old secret works until": _minute(key.former_until) if grace else "at once"},
        panel=_key_panel(text),
    )


def _minute(time: datetime | None) -> str:
    return "" if time is None else f"{time:%Y-%m-%d %H:%M}"


def _revoke_key(call: Call) -> Outcome:
    keys.revoke(prefix=call.row.prefix)
    return Outcome(
        message=f"The key {call.row.name} ends within 30 seconds, everywhere.",
        before={"revoked": False},
        after={"revoked": True},
    )


class RotationForm(forms.Form):
    """How long the old secret is good beside the new one."""

    grace = forms.ChoiceField(
        label="The old secret works for",
        choices=[
            ("24", "one more day"),
            ("1", "one more hour"),
            ("168", "one more week"),
            ("0", "30 seconds at most"),
        ],
        help_text="Give the program its new secret meanwhile. One that leaked should end at once.",
    )


class KeyResource(Resource):
    """The keys that programs call the API with."""

    name = "keys"
    singular = "API key"
    plural = "API keys"
    permission = MANAGE_KEYS
    columns = (
        Column("Key", lambda row: f"ab_{row.prefix}_…", "nowrap"),
        Column("Name", lambda row: row.name),
        Column("State", lambda row: _key_state(row)),
        Column("Last used (UTC)", lambda row: moment(row.last_used_at), "nowrap"),
        Column("Scopes", lambda row: tags(sorted(row.scopes)), "wide-only"),
        Column("Created (UTC)", lambda row: moment(row.created_at), "wide-only"),
    )
    intro = "What programs call the API with. Give each program a key of its own, with few scopes."
    search = Search(help="The beginning of a key’s name.", placeholder="web shop")
    filters = (
        Filter(name="state", title="state", choices=(("in-use", "In use"), ("revoked", "Revoked"))),
        Filter(name="scope", title="scope", choices=tuple((scope, scope) for scope in SCOPES)),
    )
    actions = (
        Action(
            name="create",
            label="Create key",
            permission=MANAGE_KEYS,
            question="Which program is the key for, and what may it do?",
            confirm_label="Create",
            run=_create_key,
            on_row=False,
            form=lambda _, data: KeyForm(data),
        ),
        Action(
            name="rotate",
            label="Rotate",
            permission=MANAGE_KEYS,
            question=(
                "Make a new secret for {title}? The old one goes on working for as long as you "
                "say, so that its program can change over without a gap."
            ),
            confirm_label="Make a new secret",
            run=_rotate_key,
            form=lambda _, data: RotationForm(data),
            offered=lambda row: row.revoked_at is None,
        ),
        Action(
            name="revoke",
            label="Revoke",
            permission=MANAGE_KEYS,
            question="End the key {title} for good? Programs that use it are refused.",
            confirm_label="Revoke it",
            danger=True,
            run=_revoke_key,
            offered=lambda row: row.revoked_at is None,
        ),
    )

    def page(self, query: Query) -> Page[ApiKey]:
        state = query.filters.get("state")
        return keys.listing(
            limit=query.limit,
            position=query.position,
            text=query.search,
            revoked=None if state is None else state == "revoked",
            scope=query.filters.get("scope"),
        )

    def key(self, row: ApiKey) -> str:
        return row.prefix

    def title(self, row: ApiKey) -> str:
        return row.name

    def find(self, key: str) -> ApiKey | None:
        return keys.find(prefix=key)

    def empty(self, query: Query) -> Hint:
        if query.is_narrowed:
            return Hint(
                "No key matches. Try fewer letters of the name, or clear the filters.",
                "All keys",
                list_url(self.name),
            )
        return Hint("No program has a key yet. Create one for the shop, and one for each other.")

    def panels(self, request: HttpRequest, row: ApiKey) -> Sequence[Panel]:  # noqa: ARG002  # for others
        facts: list[tuple[str, Any]] = [
            ("Name", row.name),
            ("Begins with", f"ab_{row.prefix}_"),
            ("State", _key_state(row)),
            ("Scopes", tags(sorted(row.scopes))),
            ("Created (UTC)", moment(row.created_at)),
            ("Created by", row.created_by),
            ("Last used (UTC)", moment(row.last_used_at)),
            *_former(row),
            ("Revoked (UTC)", moment(row.revoked_at)),
        ]
        return [Panel(title="About", template="staff/panels/facts.html", context={"facts": facts})]


def _former(key: ApiKey) -> list[tuple[str, Any]]:
    until = key.former_until
    if until is None or until <= datetime.now(UTC):
        return []
    return [("Old secret works until (UTC)", _minute(until))]


def _key_state(key: ApiKey) -> Any:
    return badge("in use", "good") if key.revoked_at is None else badge("revoked", "bad")
