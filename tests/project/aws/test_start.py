"""How the API's function starts, from its real package and nothing else of this machine."""

import io
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import zipfile
from http.cookies import SimpleCookie
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from project.aws import packages, parameters
from project.aws.archive import compile_tree
from project.aws.bundle import PROJECT
from tests.api_client import new_key
from tests.deployment import send
from tests.project.aws.events import http_api
from users.services import accounts

# A little above what it takes today. Something that needs more, like a new library, should be
# imported where it is used, or be worth a slower start of every function.
MOST_MODULES = 1_120
MOST_MEGABYTES = 150
# Nothing of these before somebody asks for a page that needs it.
LATER = {
    "core.api.schema",
    "drf_spectacular",
    "jsonschema",
    "numpy",
    "project.staff",
    "recommendations.staff",
    "recommendations.training",
    "scipy",
    "yaml",
}

START = """
import json, os, pathlib, re, sys
sys.path.insert(0, os.getcwd())
from types import SimpleNamespace

context = SimpleNamespace(aws_request_id="call")
from project.aws.handler import lambda_handler

first, *more = json.loads(sys.stdin.read())
imported = set(sys.modules)
statuses = [lambda_handler(first, context)["statusCode"]]
modules = sorted(sys.modules)
statuses += [lambda_handler(event, context)["statusCode"] for event in more]
# What getrusage tells begins with the memory of the process that started this one.
peak = re.search(r"VmHWM:\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())
print(json.dumps({
    "statuses": statuses,
    "modules": modules,
    "late": sorted(set(modules) - imported),
    "elsewhere": sorted(
        name for name, module in sys.modules.items()
        if "site-packages" in str(getattr(module, "__file__", ""))
    ),
    "megabytes": int(peak[1]) / 1024,
}))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The function's folder as Lambda unpacks it, but for its static files."""
    folder = tmp_path_factory.mktemp("package")
    with zipfile.ZipFile(packages.archive(frozenset({"api"}), emulated=True)) as archive:
        archive.extractall(folder)
    ours = folder / "ours"
    ours.mkdir()
    left_out = shutil.ignore_patterns("__pycache__", "fixtures")
    for name in PROJECT:
        source = packages.ROOT / name
        if source.is_dir():
            shutil.copytree(source, ours / name, ignore=left_out)
        else:
            shutil.copy(source, ours / name)
    settings = Path(__file__).with_name("zappa_settings.py").read_text()
    names = settings[settings.index("        APP_FUNCTION") : settings.index("    )\n")]
    lines = [line.strip().rstrip(",") for line in names.splitlines()]
    text = "\n".join(lines).replace("API_STAGE=STAGE", "API_STAGE='local'")
    (ours / "zappa_settings.py").write_text(text)
    compile_tree(ours)
    shutil.copytree(ours, folder, dirs_exist_ok=True)
    shutil.rmtree(ours)
    return folder


@pytest.mark.usefixtures("dynamodb")
def test_the_first_request_stays_within_its_budget(package: Path) -> None:
    parameter = f"/alsobought/tests/{secrets.token_hex(6)}"
    parameters.create(parameter)
    headers = {"authorization": f"Api-Key {new_key()}"}
    events = [
        http_api("GET", "/api/v1/recommendations/popular/", headers),
        http_api("GET", "/admin/login/"),
        http_api("GET", "/api/schema/"),
    ]
    found = start(package, events, parameter)

    assert found["statuses"] == [200, 200, 200]
    assert found["late"] == [], "all is imported while the function starts"
    early = {name for name in LATER if name in found["modules"]}
    assert not early
    assert found["elsewhere"] == [], "the package stands alone"
    assert len(found["modules"]) <= MOST_MODULES, f"{len(found['modules'])} modules"
    # With the staff site and the schema, which are the largest pages.
    assert found["megabytes"] <= MOST_MEGABYTES


def start(package: Path, events: list[dict[str, Any]], parameter: str) -> dict[str, Any]:
    environment = {
        **os.environ,
        "ALLOWED_HOSTS": ".amazonaws.com",
        "ANSWERS_HTTP": "true",
        "AWS_LAMBDA_FUNCTION_NAME": "alsobought-tests",
        "INSECURE_HTTP": "",
        "SECRET_KEY": "",
        "SECRET_KEY_PARAMETER": parameter,
    }
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", START],
        cwd=package,
        env=environment,
        input=json.dumps(events),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(answer.stdout)


@pytest.mark.usefixtures("dynamodb")
def test_staff_log_in_and_send_files_through_a_function_url(package: Path) -> None:
    accounts.create(username="ada", password="correct horse battery", role="administrator")
    client = boto3.client("lambda")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        for file in package.rglob("*"):
            content.write(file, file.relative_to(package))
    name = f"tests-{secrets.token_hex(4)}"
    variables = {
        "ALLOWED_HOSTS": ".on.aws",
        "ANSWERS_HTTP": "true",
        "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
        "INSECURE_HTTP": "false",
        "SECRET_KEY": "tests-only-" + "y" * 50,
        "TABLE_PREFIX": os.environ["TABLE_PREFIX"],
    }
    client.create_function(
        FunctionName=name,
        Runtime=f"python{packages.PYTHON}",
        Role="arn:aws:iam::000000000000:role/tests",
        Handler="project.aws.handler.lambda_handler",
        Code={"ZipFile": archive.getvalue()},
        Timeout=120,
        Environment={"Variables": variables},
    )
    url = client.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
    client.add_permission(
        FunctionName=name,
        StatementId="url",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    host = urlsplit(url).netloc
    port = urlsplit(os.environ["AWS_ENDPOINT_URL"]).port or 80
    login = f"/_aws/lambda-url/{host.partition('.')[0]}/admin/login/"
    try:
        status, answer, page = send(port, "GET", login, {})
        assert status == 200
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token is not None
        form = {
            "csrfmiddlewaretoken": token[1],
            "username": "ada",
            "password": "correct horse battery",
            "next": "/admin/",
            # What is not text goes to the function in base 64.
            "file": SimpleNamespace(name="every-byte", read=lambda: bytes(range(256))),
        }
        cookie = SimpleCookie(answer["Set-Cookie"])["csrftoken"].value
        headers = {
            "Content-Type": MULTIPART_CONTENT,
            "Cookie": f"csrftoken={cookie}",
            "Origin": f"https://{host}",
        }
        body = encode_multipart(BOUNDARY, form)
        status, answer, _ = send(port, "POST", login, headers, body)
        assert (status, answer["Location"]) == (302, "/admin/")
        status, _, page = send(port, "POST", login, headers, body + b"x" * 4 * 2**20)
        assert status == 413
        assert "too large" in page
    finally:
        client.delete_function(FunctionName=name)
