"""What runs when, as the stage of the jobs function says it."""

import json
from collections.abc import Mapping
from pathlib import Path

from project.aws.stages import SETTINGS_FILE, load

_JOBS = "recommendations.jobs."


def job_schedule(function: str, path: Path = SETTINGS_FILE) -> Mapping[str, str]:
    """Return the expression by the name of the job.

    Parameters
    ----------
    function
        The Lambda function of the jobs; empty for what a deployment would run.
    """
    if not path.is_file():
        return {}
    stages = json.loads(path.read_text(encoding="utf-8"))
    for name, config in stages.items():
        if "jobs" not in config.get("roles", ()):
            continue
        stage = load(name, path)
        if function in {"", stage.function}:
            return {
                event["function"].removeprefix(_JOBS).rstrip("_"): event["expression"]
                for event in stage.events
                if event.get("function", "").startswith(_JOBS)
            }
    return {}
