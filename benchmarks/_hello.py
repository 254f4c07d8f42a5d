"""The smallest thing to compare a deployment with: Zappa, Django, REST framework and PynamoDB.

One view that reads one row, in a project as `django-admin startproject` and `zappa init` make it,
in a virtual environment with these four packages at our versions, packaged by Zappa alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

from tests.deployment import Shell

if TYPE_CHECKING:
    from pathlib import Path

FUNCTION = "hello-dev"
TABLE = "hello-greetings"
ADDRESS = "/greetings/world/"
PACKAGES = ("django", "djangorestframework", "pynamodb", "zappa")

_SETTINGS = """
import os

SECRET_KEY = "a hello has no secrets"
DEBUG = False
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "rest_framework"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
ROOT_URLCONF = "hello.urls"
WSGI_APPLICATION = "hello.wsgi.application"
DATABASES = {}
"""
_URLS = """
import os

from django.urls import path
from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model
from rest_framework.response import Response
from rest_framework.views import APIView


class Greeting(Model):
    class Meta:
        table_name = "hello-greetings"
        region = os.environ.get("AWS_REGION")
        host = os.environ.get("AWS_ENDPOINT_URL")

    name = UnicodeAttribute(hash_key=True)
    text = UnicodeAttribute()


class Hello(APIView):
    def get(self, request, name):
        return Response({"text": Greeting.get(name).text})


urlpatterns = [path("greetings/<str:name>/", Hello.as_view())]
"""
_WSGI = """
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hello.settings")
application = get_wsgi_application()
"""
# As `zappa init` writes it, but for what an emulator and a quiet measurement need.
_ZAPPA = {
    "dev": {
        "project_name": "hello",
        "aws_region": "eu-west-1",
        "django_settings": "hello.settings",
        "s3_bucket": "hello-deployments",
        "apigateway_version": "v2",
        "memory_size": 1024,
        "touch": False,
        "keep_warm": False,
    }
}


def deploy(folder: Path, shell: Shell) -> str:
    """Write the project, deploy it where a shell's MiniStack is, and return its address."""
    from tests.deployment import aws

    package = folder / "hello"
    package.mkdir(parents=True)
    files = {"__init__.py": "", "settings.py": _SETTINGS, "urls.py": _URLS, "wsgi.py": _WSGI}
    for name, text in files.items():
        (package / name).write_text(text.lstrip())
    (folder / "zappa_settings.json").write_text(json.dumps(_ZAPPA))
    environment = folder.parent / "hello-environment"
    subprocess.run([sys.executable, "-m", "uv", "venv", "-q", environment], check=True)
    wanted = [f"{name}=={version(name)}" for name in PACKAGES]
    # Zappa wants setuptools in the environment that it packages.
    command = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", environment]
    subprocess.run([*command, *wanted, "setuptools<81"], check=True)
    dynamodb = aws(shell)("dynamodb")
    dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(
        TableName=TABLE, Item={"name": {"S": "world"}, "text": {"S": "Hello, world!"}}
    )
    there = Shell(folder, {**shell.environment, "VIRTUAL_ENV": str(environment)}, shell.port)
    there.environment["PATH"] = f"{environment / 'bin'}:{there.environment['PATH']}"
    print(there.run("zappa deploy dev", timeout=600).splitlines()[-1])
    found = aws(shell)("cloudformation").describe_stack_resource(
        StackName=FUNCTION, LogicalResourceId="ApiV2"
    )
    api = found["StackResourceDetail"]["PhysicalResourceId"]
    return f"http://{api}.execute-api.localhost:{shell.port}/dev"
