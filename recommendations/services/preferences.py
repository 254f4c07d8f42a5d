"""Read and change what a shop has set about its recommendations."""

from dataclasses import dataclass

import msgspec

from core import audit
from recommendations.preferences import Preferences
from recommendations.profiles import Entry
from recommendations.services import profiles
from recommendations.storage import preferences as storage
from recommendations.storage import serving


class PreferencesChangedError(Exception):
    """Somebody else has changed the settings meanwhile; look at them and change them again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The settings in force; ``number`` grows with each change and is 0 before the first."""

    preferences: Preferences
    number: int


def find() -> Stored:
    """Return the settings in force; the defaults for a shop that has set none."""
    state = serving.state(consistent=True)
    return Stored(preferences=state.preferences, number=state.preferences_number)


def change(*, preferences: Preferences, by: str, replaces: int | None = None) -> Stored:
    """Put settings in force, from the next request on.

    Parameters
    ----------
    preferences
    by
        Who, for the audit log.
    replaces
        The number of the settings that were looked at; None for those that are there.

    Raises
    ------
    PreferencesChangedError
        When others are in force by now.
    """
    before = find()
    if replaces not in {None, before.number} or not storage.save(
        preferences, replaces=before.number
    ):
        message = "somebody else has changed the settings; look at them and change them again"
        raise PreferencesChangedError(message)
    audit.record(
        by=by,
        action="preferences.change",
        before=msgspec.to_builtins(before.preferences),
        after=msgspec.to_builtins(preferences),
    )
    return Stored(preferences=preferences, number=before.number + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A user's list under the settings in force, and under others."""

    now: tuple[Entry, ...]
    then: tuple[Entry, ...]


def preview(*, preferences: Preferences, user_id: str) -> Preview:
    """Show what settings would change for a user, with the live model; nothing is stored.

    Weights also matter to the next model that is trained, which this cannot show.
    """
    live = serving.state().live_version
    now = profiles.preview(user_id=user_id, version=live)
    then = profiles.preview(user_id=user_id, version=live, preferences=preferences)
    return Preview(now=now.entries if now else (), then=then.entries if then else ())
