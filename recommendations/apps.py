from collections.abc import Iterator
from typing import Any

from django.apps import AppConfig


class RecommendationsConfig(AppConfig):
    name = "recommendations"

    def ready(self) -> None:
        from users.signals import customer_erased, customer_exported

        customer_erased.connect(_erase, dispatch_uid="recommendations.erase")
        customer_exported.connect(_export, dispatch_uid="recommendations.export")


def _erase(*, user_id: str, **_: Any) -> Iterator[tuple[str, int]]:
    from recommendations.services import privacy

    return privacy.erase(user_id=user_id)


def _export(*, user_id: str, **_: Any) -> dict[str, list[Any]]:
    from recommendations.services import privacy

    return privacy.export(user_id=user_id)
