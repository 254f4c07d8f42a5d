"""Staff see how good models were over time, and what one changes beside another."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.test import Client

from core.staff.resource import Panel
from recommendations.services import versions
from recommendations.storage import versions as storage
from recommendations.storage.versions import ModelVersion
from tests.recommendations.staff.conftest import METRICS

LogIn = Callable[[str], Client]
PATH = "/admin/models-compared/"


@pytest.fixture
def better(shop: None) -> None:
    """The shop of two models, of which the second one is better and was made otherwise."""
    found = versions.find(version="v2")
    assert found is not None
    storage.save(
        ModelVersion(
            version="v2",
            created_at="2026-11-08T00:00:00Z",
            state="ready",
            parameters={"k": 50},
            data={**found.data, "events": 2000},
            metrics={
                "model": {**METRICS, "recall@20": 0.25, "intervals": {"recall@20": (0.24, 0.26)}},
                "popular": {**METRICS, "recall@20": 0.04},
            },
        )
    )
    versions.publish(version="v1")


def rows(panel: Panel) -> list[list[str]]:
    return [[str(cell) for _, cell in row] for row in panel.context["rows"]]


def panels(client: Client, **query: str) -> Sequence[Panel]:
    response = client.get(PATH, query)
    assert response.status_code == 200
    assert int(response["X-DynamoDB-Round-Trips"]) < 5
    found: Sequence[Panel] = response.context["panels"]
    return found


@pytest.mark.usefixtures("better")
def test_the_live_model_stands_beside_the_newest_other_one(log_in: LogIn) -> None:
    quality, facts, users, items = panels(log_in("viewer"))

    table = {name: values for name, *values in rows(quality)}
    assert table["Recall@20"][:2] == ["20 %", "25 % (24 % to 26 %)"]
    assert "+5.0 points" in table["Recall@20"][2]
    assert table["Recall@20 of the popular list"] == ["5.0 %", "4.0 %", "-1.0 points"]
    assert table["NDCG@20"][2] == "as before"
    assert ["k", "100", "50"] in rows(facts)
    assert ["Event lines", "1,234", "2,000"] in rows(facts)
    for samples, kind in ((users, "users"), (items, "items")):
        assert samples.context["url"].endswith(f"before=v1&after=v2&part={kind}")


@pytest.mark.usefixtures("better")
def test_samples_are_what_both_would_show(log_in: LogIn) -> None:
    client = log_in("viewer")
    models = {"before": "v1", "after": "v2"}

    def parts(kind: str, **query: str) -> list[str]:
        answer = client.get(PATH, {**models, "part": kind, **query})
        return [sample["part"]["url"] for sample in answer.context["data"]["samples"]]

    (user,), (item,) = parts("users"), parts("items")
    assert "kind=user&part=personal&ids=u%2F1&version=v1&beside=v2" in user
    for url in (user, item):
        assert "By v2" in client.get(url).content.decode()
    assert len(parts("users", users="a, b,a")) == 2
    assert parts("items", before="none") == []


@pytest.mark.usefixtures("better")
def test_who_may_publish_does_it_from_here(log_in: LogIn) -> None:
    def links(client: Client, **query: str) -> list[str]:
        return [each["url"] for each in client.get(PATH, query).context["actions"]]

    operator = log_in("operator")
    assert links(operator) == ["/admin/models/v2/actions/publish/"]
    versions.publish(version="v2")
    assert links(operator) == ["/admin/models/v1/actions/roll-back/"]
    assert links(operator, after="v2", before="v1") == []
    assert links(log_in("viewer")) == []


@pytest.mark.usefixtures("better")
def test_models_whose_lists_are_gone_are_compared_by_what_was_measured(log_in: LogIn) -> None:
    found = versions.find(version="v1")
    assert found is not None
    storage.save(ModelVersion(version="v0", created_at=found.created_at, state="retired"))

    *_, samples = panels(log_in("viewer"), before="v0", after="v1")

    assert "gone" in samples.context["hint"].text


def test_one_model_or_unknown_ones_are_explained(log_in: LogIn) -> None:
    client = log_in("operator")
    assert "No model has been trained yet" in client.get(PATH).content.decode()
    storage.save(ModelVersion(version="v1", created_at="2026-11-01T00:00:00Z", state="ready"))
    assert "/admin/models/actions/train/" in client.get(PATH).content.decode()
    storage.save(ModelVersion(version="v2", created_at="2026-11-02T00:00:00Z", state="ready"))
    assert "Select a valid choice" in client.get(PATH, {"after": "v9"}).content.decode()


@pytest.mark.usefixtures("better")
def test_quality_over_time_stands_beside_popularity(log_in: LogIn) -> None:
    client = log_in("viewer")

    def shown(**query: str) -> dict[str, Any]:
        (panel,) = client.get("/admin/models/", query).context["panels"]
        return dict(panel.context)

    chart = shown()["chart"]
    assert chart["lines"] == "0.2,0.25;0.05,0.04"
    assert chart["legend"] == ["Model", "Popular list"]
    assert "Model between 20 % and 25 %" in chart["summary"]
    assert shown(measure="x")["measure"] == "recall@20"
    assert shown(measure="ndcg@20")["chart"]["lines"] == "0.1,0.1;0.1,0.1"
