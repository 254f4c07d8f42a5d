import re

from project.aws.packages import ROOT, SERVICES

# Who deploys calls others too; of these files a function runs this one alone.
RUN = [ROOT / "project" / "aws" / "parameters.py"]


def test_the_packages_describe_every_service_that_a_function_calls() -> None:
    for folder in ("core", "recommendations", "users"):
        RUN.extend((ROOT / folder).rglob("*.py"))
    called = {
        name
        for file in RUN
        for name in re.findall(r'(?:boto3\.client|create_client)\(\s*"(\w+)"', file.read_text())
    }

    assert called | {"dynamodb"} == SERVICES.keys()
