import copy
import io
import json
import logging
import sys
from logging.config import DictConfigurator

import pytest
from botocore.exceptions import ClientError
from django.conf import settings
from django.http import HttpResponse
from django.test import RequestFactory

from core.middleware import request_id
from project.logs import AccessLog, JsonFormatter


def formatted(**values: object) -> dict[str, object]:
    record = logging.makeLogRecord({"name": "project", "levelname": "INFO", **values})
    line = JsonFormatter().format(record)
    assert "\n" not in line
    found: dict[str, object] = json.loads(line)
    return found


def test_a_record_is_one_json_line_with_its_request() -> None:
    token = request_id.set("r-1")
    try:
        line = formatted(msg="two\nlines of %s", args=("text",), data={"rows": 3})
    finally:
        request_id.reset(token)
    assert line["message"] == "two\nlines of text"
    assert line["request_id"] == "r-1"
    assert line["rows"] == 3
    assert str(line["time"]).endswith("+00:00")


def test_an_exception_is_part_of_the_line_without_what_a_client_sent() -> None:
    user = "ada@example.org"
    try:
        try:
            {}[user]
        except KeyError as error:
            raise ValueError(f"no such user: {user}") from error
    except ValueError:
        text = str(formatted(msg="failed", exc_info=sys.exc_info())["exception"])

    assert "\nKeyError\n\nthen\n\n" in text
    assert text.endswith("\nValueError")
    assert text.count("test_logs.py") == 2
    assert user not in text


def test_an_exception_of_aws_says_why() -> None:
    refused = {"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}
    try:
        raise ClientError(refused, "PutItem")
    except ClientError:
        text = str(formatted(msg="failed", exc_info=sys.exc_info())["exception"])

    assert "AccessDeniedException" in text
    assert "PutItem" in text


def the_handler(formatter: str) -> logging.StreamHandler:
    """Return the handler that the settings describe, with one of their formatters."""
    configurator = DictConfigurator(copy.deepcopy(settings.LOGGING))
    config = configurator.config
    for name in config["formatters"]:
        config["formatters"][name] = configurator.configure_formatter(config["formatters"][name])
    for name in config["filters"]:
        config["filters"][name] = configurator.configure_filter(config["filters"][name])
    config["handlers"]["console"].update(formatter=formatter, stream=io.StringIO())
    handler: logging.StreamHandler = configurator.configure_handler(config["handlers"]["console"])
    return handler


@pytest.mark.parametrize("formatter", ["text", "json"])
def test_djangos_own_messages_lose_the_path(formatter: str) -> None:
    handler = the_handler(formatter)
    request = RequestFactory().get("/api/v1/users/ada%40example.org/")

    handler.handle(
        logging.makeLogRecord(
            {
                "name": "django.request",
                "msg": "%s: %s",
                "args": ("Internal Server Error", request.path),
                "request": request,
                "status_code": 500,
            }
        )
    )

    written = handler.stream.getvalue()
    assert "ada" not in written
    assert "status 500" in written


def test_a_request_is_logged_by_its_route() -> None:
    lines: list[logging.LogRecord] = []
    logger = logging.getLogger("project.access")
    handler = logging.Handler()
    handler.emit = lines.append  # type: ignore[method-assign]
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        AccessLog(lambda _: HttpResponse(status=204))(RequestFactory().get("/users/ada/?q=x"))
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    (record,) = lines
    assert record.data["method"] == "GET"  # type: ignore[attr-defined]
    assert record.data["status"] == 204  # type: ignore[attr-defined]
    assert "ada" not in json.dumps(record.data)  # type: ignore[attr-defined]
