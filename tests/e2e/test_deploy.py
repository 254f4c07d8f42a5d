"""A real deployment: what docs/operations.md says, command by command, on MiniStack.

Nothing is replaced: Zappa packages a copy of this tree, MiniStack runs it as a Lambda function
behind API Gateway, EventBridge and a DynamoDB stream, and refuses what the function's policy does
not allow.
"""

import json
import re
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import urllib3

from tests.deployment import (
    STARTS_MINISTACK,
    Guide,
    Shell,
    Site,
    aws,
    eventually,
    running_ministack,
    send,
    terminal,
)
from tests.job_permissions import Jobs, known_to_the_emulator, needed_by_jobs
from tests.permissions import (
    BY_AWS_ITSELF,
    LARGE,
    POLICY,
    SIGNED,
    UNHEEDED,
    Features,
    granted,
    needed_by,
    without,
)

ROLES = ("api", "stream", "jobs")
FUNCTION = "alsobought-local-"
# What each function loads only once it has something to do.
LOADS = {
    "api": "project.urls",
    "stream": "recommendations.streams",
    "jobs": "recommendations.training.pipeline",
}


@dataclass(frozen=True)
class Shop:
    """What the guide has deployed, and the rest of the guide."""

    guide: Guide
    shell: Shell
    client: Callable[[str], Any]
    site: Site
    deployed: str
    trained: dict[str, Any]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Follow the guide until the shop works: all tests of this module look at that one shop."""
    shell = terminal(tmp_path_factory.mktemp("deployment"))
    with running_ministack(shell):
        guide = Guide()
        guide.take(STARTS_MINISTACK)
        shell.run(guide.take("export AWS_ENDPOINT_URL"))
        client = aws(shell)
        check_nothing_is_deployed_too_early(shell, client)
        shell.run(guide.take("infrastructure local"))
        deployed = shell.run(guide.take("manage.py deploy local"))
        shell.run(guide.take("createstaff"))
        trained = shell.run(guide.take("zappa invoke local_jobs"))
        line = next(line for line in trained.splitlines() if '"recommendations.jobs.train' in line)
        shell.run(guide.take("/api/v1/events/"))
        site = Site(shell.environment["BASE_URL"], shell.environment["API_KEY"])
        yield Shop(guide, shell, client, site, deployed, json.loads(line)["result"])


def check_nothing_is_deployed_too_early(shell: Shell, client: Callable[[str], Any]) -> None:
    """What is missing stops a command before it changes anything, and is told."""
    stopped = shell.run("! python manage.py infrastructure local --yes", AWS_ACCESS_KEY_ID="AKIA")
    assert "AWS does not know these credentials" in stopped
    assert "python -m project.aws.parameters create" in shell.run("! zappa deploy local_api")
    shell.run("python -m project.aws.parameters create")
    assert "'manage.py infrastructure local' first" in shell.run("! zappa deploy local_api")
    assert client("lambda").list_functions()["Functions"] == []
    assert client("iam").list_roles()["Roles"] == []
    assert client("s3").list_buckets()["Buckets"] == []


def test_the_guide_deploys_a_working_shop(shop: Shop) -> None:
    assert "Stream of alsobought-local-events: Enabled" in shop.deployed
    sizes = re.findall(r"Package: ([\d.]+) MB, ([\d.]+) MB unpacked", shop.deployed)
    jobs, stream, api = [(float(packed), float(unpacked)) for packed, unpacked in sizes]
    assert max(api[0], stream[0]) <= 30
    assert jobs[0] <= 80
    assert jobs[1] <= 230
    for role in ROLES:
        check_package(shop.client, shop.shell, role)
        check_policy(shop.client, role)
    ring_each_minute(shop.client)
    assert shop.trained["published"] is True
    assert shop.trained["users"] > 100
    answer = shop.site.recommendations("new-customer")
    assert answer["model_version"] == shop.trained["version"]
    check_http(shop.site)
    check_a_purchase_changes_the_list(shop.site)
    session = check_login(shop.site, shop.shell.environment["STAFF_PASSWORD"])
    check_import(shop.site, session)
    check_refusals(shop.client, shop.shell.folder)

    seen = shop.shell.run(shop.guide.take("zappa status local_api"))
    assert "alsobought-local-events: Enabled, last result: OK" in seen
    assert "release" in seen
    secrets = [shop.shell.environment["API_KEY"], shop.shell.environment["STAFF_PASSWORD"]]
    check_logs(seen, secrets=secrets)
    check_counters(shop.client)
    check_schedule(shop.client, shop.site)


@pytest.mark.parametrize(
    "role",
    ["api", *(pytest.param(role, marks=pytest.mark.thorough) for role in ("stream", "jobs"))],
)
def test_no_permission_is_superfluous(shop: Shop, role: str) -> None:
    """Take away each action in turn, and see the feature fail that needs it."""
    iam = shop.client("iam")
    name = f"{FUNCTION}{role}-eu-west-1"
    policy = known_to_the_emulator(
        iam.get_role_policy(RoleName=name, PolicyName=POLICY)["PolicyDocument"]
    )
    iam.put_role_policy(RoleName=name, PolicyName=POLICY, PolicyDocument=json.dumps(policy))
    features = Features(shop.client, shop.site)
    with features.without_the_real_stream():
        needed = (
            needed_by_jobs(Jobs(shop.client, shop.site))
            if role == "jobs"
            else needed_by(role, features)
        )
        for feature in {feature for parts in needed.values() for feature in parts.values()}:
            assert feature(), f"{feature} does not work with all permissions"
        for sid, action in granted(policy):
            if any(
                action in left_out.get(sid, ())
                for left_out in (BY_AWS_ITSELF, LARGE, SIGNED, UNHEEDED)
            ):
                continue
            with without(iam, name, policy, sid, action):
                assert not needed[sid][action](), f"{sid}: nothing needs {action}"


def test_the_tables_are_as_the_models_say(shop: Shop) -> None:
    dynamodb = shop.client("dynamodb")
    for name in dynamodb.list_tables()["TableNames"]:
        backups = dynamodb.describe_continuous_backups(TableName=name)
        recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        assert recovery["PointInTimeRecoveryStatus"] == "ENABLED", name
    ttl = dynamodb.describe_time_to_live(TableName="alsobought-local-operations")
    assert ttl["TimeToLiveDescription"]["AttributeName"] == "expires_at"


def test_an_update_that_fails_its_check_changes_nothing(shop: Shop) -> None:
    serving = release(shop, "api")
    module = shop.shell.folder / "recommendations" / "urls.py"
    whole = module.read_text()
    module.write_text(f"{whole}\nraise RuntimeError('a fault that no test has found')\n")
    stopped = shop.shell.run("! zappa update local_api")
    module.write_text(whole)
    assert "did not pass its check: RuntimeError" in stopped
    assert "a fault that no test has found" in stopped
    assert f"version {serving} serves as before" in stopped
    assert release(shop, "api") == serving
    # What is called without a version, by `zappa invoke` and schedules, is back as well.
    client = shop.client("lambda")
    codes = {
        client.get_function_configuration(FunctionName=FUNCTION + "api", Qualifier=qualifier)[
            "CodeSha256"
        ]
        for qualifier in ("live", "$LATEST")
    }
    assert len(codes) == 1
    assert shop.site.recommendations("new-customer")["results"]


@pytest.mark.thorough
def test_an_update_takes_the_new_secret_and_can_be_taken_back(shop: Shop) -> None:
    before = {role: release(shop, role) for role in ROLES}
    updated = shop.shell.run(shop.guide.take("rotate"))
    assert updated.count("passed its check and serves") == len(ROLES)
    after = {role: release(shop, role) for role in ROLES}
    assert all(int(after[role]) > int(before[role]) for role in ROLES)
    assert shop.site.recommendations("new-customer")["results"]

    shop.shell.run(shop.guide.take("rollback"))
    assert {role: release(shop, role) for role in ROLES} == before
    assert shop.site.recommendations("new-customer")["results"]


def test_undeploying_leaves_the_data(shop: Shop) -> None:
    shop.shell.run(shop.guide.take("undeploy local"))
    client = shop.client
    assert client("lambda").list_functions()["Functions"] == []
    assert client("lambda").list_event_source_mappings()["EventSourceMappings"] == []
    assert client("events").list_rules()["Rules"] == []
    assert "alsobought-local-events" in client("dynamodb").list_tables()["TableNames"]
    left = [block for block in shop.guide.blocks if not re.search("rotate|rollback", block)]
    assert left == [], "the guide has commands that this module does not run"


def release(shop: Shop, role: str) -> str:
    alias = shop.client("lambda").get_alias(FunctionName=FUNCTION + role, Name="live")
    return str(alias["FunctionVersion"])


def check_package(client: Callable[[str], Any], shell: Shell, role: str) -> None:
    """The zip holds what the function needs, no secret, and nothing else."""
    path = shell.folder.parent / f"{role}.zip"
    code = client("lambda").get_function(FunctionName=FUNCTION + role)["Code"]["Location"]
    with urllib.request.urlopen(code, timeout=60) as answer:  # noqa: S310  # MiniStack's own
        path.write_bytes(answer.read())
    folder = path.with_suffix("")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    entries = {entry.name for entry in folder.iterdir()}
    assert {"core", "project", "recommendations", "users", "templates"} <= entries
    assert ("staticfiles" in entries) == (role == "api")
    assert not entries & {"tests", "docs", "benchmarks", "requirements", ".local", "ministack"}
    assert not entries & {"pytest", "mypy", "playwright", "cfnlint", "troposphere", "pip"}
    assert not (folder / "recommendations" / "fixtures").exists()
    assert (folder / "numpy").exists() == (role == "jobs")
    secret = client("ssm").get_parameter(Name="/alsobought/local/secret-key", WithDecryption=True)[
        "Parameter"
    ]["Value"]
    settings = (folder / "zappa_settings.py").read_text()
    assert secret not in settings
    assert "DEBUG=False" in settings
    check_it_stands_alone(folder, LOADS[role])


def check_it_stands_alone(folder: Path, module: str) -> None:
    """MiniStack's workers would find a missing package in our own environment; AWS would not."""
    script = """
import importlib, os, sys
sys.path.insert(0, ".")
os.environ.update(SECRET_KEY="x" * 50, TABLE_PREFIX="alone-")
import project.aws.handler, zappa.handler, project.wsgi
assert not {"numpy", "scipy"} & sys.modules.keys(), "the API imports numerical packages"
codes = [m.__cached__ for m in sys.modules.values() if getattr(m, "__cached__", None)]
ours = [path for path in codes if path.startswith(os.getcwd()) or not os.path.isabs(path)]
assert len(ours) > 500, len(ours)
# The fifth byte is 1 where Python takes the byte code without looking at its source.
stale = [path for path in ours if not os.path.exists(path) or open(path, "rb").read(5)[4] != 1]
assert not stale, f"compiled at each start: {stale}"
importlib.import_module(sys.argv[1])
files = {str(getattr(m, "__file__", "")) for m in sys.modules.values()}
away = [file for file in files if "site-packages" in file]
assert not away, away
"""
    command = [sys.executable, "-I", "-S", "-B", "-c", script, module]
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr


def check_policy(client: Callable[[str], Any], role: str) -> None:
    """Named actions on named resources."""
    name = client("lambda").get_function_configuration(FunctionName=FUNCTION + role)["Role"]
    document = client("iam").get_role_policy(
        RoleName=name.rpartition("/")[2], PolicyName="function"
    )["PolicyDocument"]
    for statement in document["Statement"]:
        assert not [action for action in statement["Action"] if "*" in action]
        if statement["Sid"] != "ListStreams":
            assert "*" not in statement["Resource"]


def check_http(site: Site) -> None:
    assert site.call("/api/v1/health/ready/", anonymous=True)[0] == 200
    assert site.call("/api/v1/items/", anonymous=True)[0] == 401
    assert site.call("/nothing-here/")[0] == 404
    status, headers, page = site.call("/admin/login/")
    assert status == 200
    assert headers["X-Request-Id"]
    links = re.findall(r'(?:href|src)="([^"]+\.(?:css|js))"', page)
    assert links
    for link in links:
        assert link.startswith("/local_api/static/"), link
        status, headers, _ = site.call(link.removeprefix("/local_api"), anonymous=True)
        assert status == 200, link
        assert "immutable" in headers["Cache-Control"], link
    # An id keeps its escaped characters: API Gateway decodes once, and nobody may do it again.
    status, _, body = site.call("/api/v1/items/100%2525/")
    assert status == 404
    assert "not" in body.lower()


def check_a_purchase_changes_the_list(site: Site) -> None:
    before = site.recommendations("second-customer")
    assert before["source"] != "personal"
    purchase = {
        "user_id": "second-customer",
        "type": "purchase",
        "items": [{"item_id": "22423"}],
    }
    status, _, body = site.call("/api/v1/events/", method="POST", body=purchase)
    assert status == 202, body
    after = eventually(
        lambda: (
            (found := site.recommendations("second-customer"))["source"] == "personal" and found
        ),
        seconds=15,
    )
    assert "22423" not in [row["item_id"] for row in after["results"]]


def check_login(site: Site, password: str) -> dict[str, str]:
    """A browser's form post passes Django's checks below the stage's prefix, behind the front.

    Returns the headers of who is logged in.
    """
    # A browser would fetch the styles side by side, each in a new copy of the function.
    parts = urlsplit(site.base_url)
    assert parts.port is not None
    path = f"{parts.path}/admin/login/"
    headers = {"Host": parts.netloc, "Origin": f"http://{parts.netloc}"}
    _, answer, page = send(parts.port, "GET", path, headers)
    cookies = SimpleCookie(answer["Set-Cookie"])
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token is not None
    form = {
        "csrfmiddlewaretoken": token[1],
        "username": "ada",
        "password": password,
        "next": f"{parts.path}/admin/",
    }
    headers["Cookie"] = f"csrftoken={cookies['csrftoken'].value}"
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    status, answer, _ = send(parts.port, "POST", path, headers, urlencode(form))
    assert (status, answer["Location"]) == (302, f"{parts.path}/admin/")
    cookies = SimpleCookie("; ".join(answer.get_all("Set-Cookie")))
    headers["Cookie"] = f"sessionid={cookies['sessionid'].value}"
    status, _, page = send(parts.port, "GET", answer["Location"], headers)
    assert status == 200
    assert "Log out" in page
    return headers


def check_import(site: Site, session: dict[str, str]) -> None:
    """A file goes straight to S3, is checked and imported by a job, and its rejects come back."""
    parts = urlsplit(site.base_url)
    assert parts.port is not None
    port, admin = parts.port, f"{parts.path}/admin"

    def post(path: str, page_path: str, fields: dict[str, str]) -> tuple[str, str]:
        _, answer, page = send(port, "GET", page_path, session)
        cookie = SimpleCookie(answer["Set-Cookie"])["csrftoken"].value
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token is not None
        headers = {**session, "Cookie": f"{session['Cookie']}; csrftoken={cookie}"}
        body = urlencode({**fields, "csrfmiddlewaretoken": token[1]})
        status, answer, text = send(port, "POST", path, headers, body)
        assert status in {200, 302}, text
        return answer.get("Location", ""), text

    def ended(location: str) -> tuple[str, dict[str, Any]]:
        job_id = location.rstrip("/").rpartition("/")[2]

        def result() -> Any:
            job = json.loads(site.call(f"/api/v1/jobs/{job_id}/")[2])
            assert job["state"] != "failed", job
            return job["state"] == "succeeded" and job["result"]

        return job_id, eventually(result, seconds=60)

    _, _, page = send(port, "GET", f"{admin}/imports/", session)
    upload = re.search(r'action="(http[^"]+)".*?</form>', page, re.DOTALL)
    assert upload is not None
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', upload[0]))
    content = "customer,time,sku\nimported-customer,2026-01-01T00:00:00Z,22423\nx,never,22423\n"
    sent = urllib3.request(
        "POST", upload[1], fields={**hidden, "file": ("orders.csv", content)}, redirect=False
    )
    assert sent.status == 303, sent.data
    found = urlsplit(sent.headers["Location"])
    mapping = f"{found.path}?{found.query}"
    columns = {"column_0": "user_id", "column_1": "timestamp", "column_2": "item_id"}
    location, _ = post(mapping, mapping, {**columns, "default_type": "purchase"})
    check, result = ended(location)
    assert (result["stored"], result["rejected"]) == (1, 1)
    action = f"{admin}/jobs/{check}/actions/import/"
    location, _ = post(action, action, {})
    done, result = ended(location)
    assert (result["stored"], result["rejected"]) == (1, 1)
    action = f"{admin}/jobs/{done}/actions/rejects/"
    _, rejects = post(action, action, {})
    assert rejects.endswith("x,never,22423\n")
    status, _, history = site.call("/api/v1/users/imported-customer/events/")
    assert (status, "22423" in history) == (200, True)


def check_refusals(client: Callable[[str], Any], folder: Path) -> None:
    """What nobody is meant to handle is an error, and no Python from outside runs."""
    written = folder / "raw-command"
    refused: list[dict[str, Any]] = [
        {"raw_command": f"open({str(written)!r}, 'w')"},
        {"command": "os.getcwd"},
        {"manage": "tables delete --yes"},
        {"surprise": 1},
    ]
    for event in refused:
        answer = client("lambda").invoke(
            FunctionName=FUNCTION + "api", Payload=json.dumps(event).encode()
        )
        assert "FunctionError" in answer, event
    assert not written.exists()


def check_logs(text: str, *, secrets: list[str]) -> None:
    """Our lines are JSON objects with the id of their request, without secrets or customers."""
    lines = [json.loads(found) for found in re.findall(r'\{"time": .*\}', text)]
    requests = [line for line in lines if line["message"] == "request"]
    assert requests
    assert all(line["request_id"] and line["status"] for line in requests)
    # Each is also what CloudWatch makes metrics of.
    assert all(line["_aws"]["CloudWatchMetrics"] for line in requests)
    for secret in [*secrets, "new-customer", "second-customer"]:
        assert secret not in text


def check_counters(client: Callable[[str], Any]) -> None:
    """The stream function may write what it counts, and the lists made of that."""
    dynamodb = client("dynamodb")

    def rows(table: str) -> int:
        return int(dynamodb.scan(TableName=f"alsobought-local-{table}")["Count"])

    eventually(
        lambda: all(rows(table) for table in ("event_effects", "item_stats", "placement_stats")),
        seconds=100,
    )
    key = {"name": {"S": "latest"}, "version": {"S": "live"}}
    assert "Item" in dynamodb.get_item(TableName="alsobought-local-lists", Key=key)


def ring_each_minute(client: Callable[[str], Any]) -> None:
    """Let the schedule that Zappa made ring each minute, not each night."""
    events = client("events")
    names = [rule["Name"] for rule in events.list_rules()["Rules"]]
    rules = {name.rpartition("recommendations.jobs.")[2]: name for name in names}
    assert rules.keys() == {"clean", "collect", "report", "train", "trend"}
    events.put_rule(Name=rules["train"], ScheduleExpression="rate(1 minute)", State="ENABLED")


def check_schedule(client: Callable[[str], Any], site: Site) -> None:
    """It reaches the job."""

    def ran() -> bool:
        jobs = json.loads(site.call("/api/v1/jobs/")[2])["results"]
        return any(job["started_by"] == "schedule" and job["state"] == "succeeded" for job in jobs)

    eventually(ran, seconds=100)
    events = client("events")
    for rule in events.list_rules()["Rules"]:
        events.disable_rule(Name=rule["Name"])
