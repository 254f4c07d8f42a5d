"""Recommendation ids under this deployment's secret."""

from datetime import UTC, datetime

from django.conf import settings

from recommendations.attribution import Origin, make_id, read_id


def new_id(*, recommender: str, placement: str = "", variant: str = "") -> str:
    """Return the id of an answer that is being given now."""
    origin = Origin(
        recommender=recommender,
        placement=placement,
        variant=variant,
        made_at=datetime.now(UTC),
    )
    return make_id(origin, secret=settings.SECRET_KEY)


def origin_of(recommendation_id: str | None) -> Origin | None:
    """Return what an answer was for, or None for an id that is not ours."""
    return read_id(recommendation_id, secrets=(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))
