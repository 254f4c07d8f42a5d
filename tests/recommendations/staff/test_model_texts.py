"""The pages of a model say what was measured, in the same words as its report."""

from recommendations import reporting
from recommendations.staff.models import _measured_on, bars
from recommendations.storage.versions import ModelVersion

HOLDOUT = {"users": 7, "from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z"}


def test_lists_have_the_same_names_as_in_the_report() -> None:
    metrics = {name: {"recall@20": 0.5} for name in reporting.NAMES}
    version = ModelVersion(
        version="v1", created_at="2026-11-02T00:00:00Z", state="ready", metrics=metrics
    )

    (group,) = bars(version)

    assert [bar["name"] for bar in group["bars"]] == list(reporting.NAMES.values())
    assert "bought, liked, viewed" in group["label"]


def test_the_quality_panel_counts_more_than_orders() -> None:
    assert "7 users took then" in _measured_on({"holdout": HOLDOUT})
    assert "viewed" in _measured_on({"holdout": HOLDOUT})
