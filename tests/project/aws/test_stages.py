import json
import os
from pathlib import Path

import pytest

from project.aws.stages import SETTINGS_FILE, StageError, current, load


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    path = tmp_path / "zappa_settings.json"
    base = {"project_name": "shop", "aws_region": "eu-west-1"}
    stages = {
        "base": base,
        "production_api": {
            "extends": "base",
            "roles": ["api"],
            "aws_environment_variables": {"TABLE_PREFIX": "shop-production-"},
        },
        "wrong": {"extends": "base", "roles": ["web"]},
        "nowhere": {"roles": ["api"]},
        "lost": {"extends": "gone"},
        "circle": {"extends": "circle"},
    }
    path.write_text(json.dumps(stages))
    return path


def test_a_stage_inherits_and_names_its_function_as_zappa_does(settings_file: Path) -> None:
    stage = load("production_api", settings_file)
    assert stage.function == "shop-production-api"
    assert stage.region == "eu-west-1"
    assert stage.roles == {"api"}


def test_applying_a_stage_gives_its_environment(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TABLE_PREFIX", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "before")
    load("production_api", settings_file).apply()
    assert os.environ["TABLE_PREFIX"] == "shop-production-"
    assert os.environ["AWS_REGION"] == os.environ["AWS_DEFAULT_REGION"] == "eu-west-1"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "no stage 'missing'"),
        ("base", "`roles`"),
        ("wrong", "`roles`"),
        ("nowhere", "aws_region"),
        ("lost", "no stage 'gone'"),
        ("circle", "no stage 'circle'"),
    ],
)
def test_a_stage_that_cannot_be_used_says_why(name: str, message: str, settings_file: Path) -> None:
    with pytest.raises(StageError, match=message):
        load(name, settings_file)


def test_the_stage_in_use_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZAPPA_STAGE", raising=False)
    with pytest.raises(StageError, match="ZAPPA_STAGE"):
        current()
    monkeypatch.setenv("ZAPPA_STAGE", "local_api")
    assert current().function == "alsobought-local-api"


def deployable() -> list[str]:
    stages = json.loads(SETTINGS_FILE.read_text(encoding="utf-8"))
    return [name for name, config in stages.items() if "roles" in config]


@pytest.mark.parametrize("name", deployable())
def test_no_stage_keeps_a_default_of_zappas_that_is_unsafe(name: str) -> None:
    stages = json.loads(SETTINGS_FILE.read_text(encoding="utf-8"))
    config: dict[str, object] = {}
    current_name: str | None = name
    while current_name:
        config = {**stages[current_name], **config}
        current_name = stages[current_name].get("extends")
    assert config["debug"] is False
    assert config["log_level"] == "INFO"
    assert config["keep_warm"] is False
    # These are written into the package; secrets and settings go elsewhere.
    assert "environment_variables" not in config
    environment = load(name).environment
    assert environment["SECRET_KEY_PARAMETER"].startswith("/")
    assert "SECRET_KEY" not in environment
    assert ("INSECURE_HTTP" in environment) == name.startswith("local_")
    # Zappa cuts the names of rules; what to call must be left whole at their end.
    for event in config.get("events", []):  # type: ignore[attr-defined]
        assert "-" not in event["function"]
        rule = f"{load(name).function}-{event['name']}-{event['function']}"
        assert len(rule) <= 63, rule
