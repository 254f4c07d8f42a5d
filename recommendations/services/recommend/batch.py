"""Many users at once, as a mailing needs them."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from threading import Event
from typing import TypeVar

from core.dynamodb.batch import READ_LIMIT, chunks
from core.dynamodb.errors import is_transient
from recommendations.profiles import FALLBACKS
from recommendations.rules import Filters
from recommendations.services.recommend.serve import serve
from recommendations.services.recommend.types import Answer
from recommendations.storage.reads import Reads, Wanted

logger = logging.getLogger(__name__)

MAX_USERS = 100
_THREADS = 8

_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True, slots=True)
class UserAnswer:
    """A user's list, or None when it could not be computed: the same call may succeed later."""

    user_id: str
    answer: Answer | None


def for_users(
    *,
    user_ids: Sequence[str],
    filters: Sequence[Filters] = (),
    limit: int = 10,
    explain: bool = False,
    exclude_purchased: bool = True,
    expand: bool = False,
) -> list[UserAnswer]:
    """Recommend for up to 100 users, in their order, each once.

    All profiles are read together, and then the neighbours that stale ones are computed anew from.
    The rest is done for 8 users at a time, and products or lists that one of them has read serve
    the others too. Each user's answer so waits for at most three round trips.
    """
    users = list(dict.fromkeys(user_ids))
    reads = Reads()
    reads.fetch(Wanted(users=users))
    busy = Event()

    def one(user_id: str) -> UserAnswer:
        if busy.is_set():
            # All tries for another one were in vain: the answer must not wait so long for each.
            return UserAnswer(user_id, None)
        try:
            answer = serve(
                recommender="personal",
                user_id=user_id,
                filters=filters,
                limit=limit,
                explain=explain,
                exclude_purchased=exclude_purchased,
                expand=expand,
                reads=reads.shared(),
            )
        except Exception as error:
            if not is_transient(error):
                raise
            logger.warning("DynamoDB was too busy for a list of many")
            busy.set()
            return UserAnswer(user_id, None)
        return UserAnswer(user_id, answer)

    with ThreadPoolExecutor(max_workers=_THREADS) as pool:

        def each(work: Callable[[_In], _Out], inputs: Iterable[_In]) -> list[_Out]:
            futures = [pool.submit(copy_context().run, work, one) for one in inputs]
            return [future.result() for future in futures]

        each(reads.fetch, _neighbours_of_stale(users, reads))
        return each(one, users)


def _neighbours_of_stale(users: Iterable[str], reads: Reads) -> Iterator[Wanted]:
    """Yield what the lists of stale profiles are computed anew from, one round trip each."""
    state = reads.state
    stale = [
        profile
        for user_id in users
        if (profile := reads.profile(user_id)) is not None
        and profile.stamp != state.stamp
        and state.has_settings_of(profile.stamp)
    ]
    ids = dict.fromkeys(row.item_id for each in stale for row in each.past.history)
    # The ready lists are read in two forms.
    for part in chunks(ids, READ_LIMIT - 2 * len(FALLBACKS)):
        yield Wanted(neighbours={"similar": part}, lists=FALLBACKS)
