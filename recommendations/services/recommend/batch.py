"""Many users at once, as a mailing needs them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass

from recommendations.rules import Filters
from recommendations.services.profiles import ContendedProfileError
from recommendations.services.recommend.serve import serve
from recommendations.services.recommend.types import Answer
from recommendations.storage.reads import Reads, Wanted

MAX_USERS = 100
_THREADS = 8


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

    All profiles are read together; what is stale or needs more is done for 8 users at a time, and
    products or lists that one of them has read serve the others too.
    """
    users = list(dict.fromkeys(user_ids))
    reads = Reads()
    reads.fetch(Wanted(users=users))

    def one(user_id: str) -> UserAnswer:
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
        except ContendedProfileError:
            return UserAnswer(user_id, None)
        return UserAnswer(user_id, answer)

    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        futures = [pool.submit(copy_context().run, one, user_id) for user_id in users]
        return [future.result() for future in futures]
