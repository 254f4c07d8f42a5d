"""Names that cannot be are refused before AWS is asked."""

from typing import Any

import pytest

from project.aws import names
from project.aws.stages import ROLES, Deployment, Stage, StageError


def deployment(name: str = "production", **settings: Any) -> Deployment:
    defaults = {"project": "shop", "region": "eu-west-1", "bucket": "shop-packages"}
    stages = {
        role: Stage(name=f"{name}_{role}", roles=frozenset({role}), **{**defaults, **settings})
        for role in ROLES
    }
    return Deployment(name=name, stages=stages)


def event(name: str, function: str = "recommendations.jobs.train") -> dict[str, str]:
    return {"name": name, "function": function, "expression": "rate(1 day)"}


def test_usable_names_pass() -> None:
    names.check(deployment(events=(event("train"),)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"region": "eu-west-9"}, "no AWS region 'eu-west-9'.*`aws_region`.*eu-west-1"),
        ({"bucket": ""}, "set `s3_bucket`"),
        ({"bucket": "CHANGE-ME-packages"}, "choose the name of `s3_bucket`"),
        ({"environment": {"EXPORT_BUCKET": "CHANGE-ME-exports"}}, "`EXPORT_BUCKET`"),
        ({"project": "a-shop-with-a-very-long-name" * 2}, "over 64 characters; shorten"),
        ({"events": (event("train", "jobs.train-all"),)}, "no `-` may be"),
    ],
)
def test_names_that_cannot_be_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(StageError, match=message):
        names.check(deployment(**settings))


def test_a_schedule_whose_rule_would_be_cut_is_refused() -> None:
    longest = names.MAX_RULE - len("shop-production-stream--recommendations.jobs.train")
    names.check(deployment(events=(event("n" * longest),)))
    with pytest.raises(StageError, match=r"64 characters, and AWS takes 63.*shorter `name`"):
        names.check(deployment(events=(event("n" * (longest + 1)),)))


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(StageError) as caught:
        names.check(deployment(region="nowhere", bucket="CHANGE-ME"))
    assert len(str(caught.value).splitlines()) == 2


def test_zappa_names_rules_as_we_expect() -> None:
    from zappa.core import Zappa

    stage = deployment().jobs
    zappa = Zappa(load_credentials=False)
    for name in ("train", ""):
        made = {key: value for key, value in event(name).items() if value}
        assert zappa.get_scheduled_event_name(made, made["function"], stage.function) == (
            names.rule(stage, name, made["function"])
        )
