"""The state machine that trains, as `state_machines/train.asl.json` declares it."""

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "state_machines" / "train.asl.json"


def definition(*, function: str, bucket: str) -> dict[str, Any]:
    """Return the definition for one deployment.

    Parameters
    ----------
    function
        The ARN of the function that runs jobs.
    bucket
        The name of the bucket for what the steps hand on.
    """
    text = FILE.read_text(encoding="utf-8")
    for name, value in (("JobsFunction", function), ("Bucket", bucket)):
        text = text.replace(f"${{{name}}}", value)
    found: dict[str, Any] = json.loads(text)
    return found


def role_statements(*, machine: str, function: str, bucket: str) -> list[dict[str, Any]]:
    """Return what the state machine itself may do: call jobs, and run its map.

    Parameters
    ----------
    machine
        Its own ARN.
    """
    children = machine.replace(":stateMachine:", ":execution:")
    return [
        _allow("Steps", ["lambda:InvokeFunction"], [function]),
        _allow("Parts", ["s3:GetObject"], [f"arn:aws:s3:::{bucket}/training/*/parts.json"]),
        _allow("StartParts", ["states:StartExecution"], [machine]),
        _allow(
            "FollowParts",
            ["states:DescribeExecution", "states:StopExecution"],
            [f"{children}:*", f"{children}/*"],
        ),
    ]


def _allow(sid: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}
