"""Answers as they would be with another model version, or had something never happened."""

from dataclasses import replace

from recommendations.profiles import Profile
from recommendations.services import profiles
from recommendations.storage.events import EventKey
from recommendations.storage.reads import Reads, Wanted


def as_if(
    *, user_id: str | None = None, version: str | None = None, without: EventKey | None = None
) -> Reads:
    """Return reads for `serve` from which it answers as if; nothing is stored.

    Parameters
    ----------
    user_id
        Whose list it is; only with one does an event make a difference.
    version
        The model version that is taken for the live one.
    without
        An event of the user's that is taken for one that never was.
    """
    reads = Reads(version=version)
    if user_id is None or (version is None and without is None):
        return reads
    reads.fetch(Wanted(users=[user_id]))
    profile = profiles.preview(user_id=user_id, version=version, without=without, reads=reads)
    # Under the present stamp: to `serve` it is as good as the one that is stored.
    profile = replace(profile or Profile(user_id=user_id), stamp=reads.state.stamp)
    reads.keep_profile(user_id, profile)
    return reads
