"""Requests as AWS hands them to a function, after the examples in its documentation.

Each of `FRONTS` makes the event of one way in: the stage's own address of both kinds of API
Gateway, a domain of one's own in front of them, and a function URL.
"""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote

CLIENT = "203.0.113.9"
STAGE = "local"
HTTP_API = "0a1b2c3d4e.execute-api.eu-west-1.amazonaws.com"
FUNCTION_URL = "abcdefghijklmnop.lambda-url.eu-west-1.on.aws"
OWN_DOMAIN = "shop.example"
# What API Gateway takes for text; other bodies come in base 64.
_TEXT = ("text/", "application/json", "application/x-www-form-urlencoded")

Headers = dict[str, str]


def http_api(
    method: str,
    path: str,
    headers: Headers | None = None,
    body: bytes = b"",
    *,
    domain: str = HTTP_API,
    stage: str = STAGE,
) -> dict[str, Any]:
    """Payload version 2.0: HTTP APIs and function URLs."""
    path, _, query = path.partition("?")
    prefix = f"/{stage}" if domain == HTTP_API else ""
    sent = {name.lower(): value for name, value in (headers or {}).items()}
    cookies = sent.pop("cookie", "")
    sent |= {
        "host": domain,
        "x-forwarded-for": f"6.6.6.6, {CLIENT}",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }
    if body:
        sent["content-length"] = str(len(body))
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": prefix + path,
        "rawQueryString": query,
        "headers": sent,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": domain.partition(".")[0],
            "domainName": domain,
            "http": {
                "method": method,
                "path": prefix + path,
                "protocol": "HTTP/1.1",
                "sourceIp": CLIENT,
                "userAgent": "tests",
            },
            "requestId": "id",
            "routeKey": "$default",
            "stage": stage,
            "timeEpoch": 1583348638390,
        },
        **_body(sent, body),
    }
    return {**event, "cookies": cookies.split("; ")} if cookies else event


def function_url(method: str, path: str, *rest: Any) -> dict[str, Any]:
    return http_api(method, path, *rest, domain=FUNCTION_URL, stage="$default")


def own_domain(method: str, path: str, *rest: Any) -> dict[str, Any]:
    return http_api(method, path, *rest, domain=OWN_DOMAIN)


def rest_api(
    method: str,
    path: str,
    headers: Headers | None = None,
    body: bytes = b"",
    *,
    domain: str = HTTP_API,
) -> dict[str, Any]:
    """Payload version 1.0: REST APIs."""
    path, _, query = path.partition("?")
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        values.setdefault(name, []).append(value)
    sent = {
        **{name.title(): value for name, value in (headers or {}).items()},
        "Host": domain,
        "X-Forwarded-For": f"6.6.6.6, {CLIENT}, 10.0.0.1",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
    }
    if body:
        sent["Content-Length"] = str(len(body))
    prefix = f"/{STAGE}" if domain == HTTP_API else ""
    return {
        "resource": "/{proxy+}",
        "path": unquote(path),
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": {name: found[-1] for name, found in values.items()} or None,
        "multiValueQueryStringParameters": values or None,
        "pathParameters": {"proxy": path.strip("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": domain.partition(".")[0],
            "domainName": domain,
            "httpMethod": method,
            "identity": {"sourceIp": CLIENT, "userAgent": "tests"},
            "path": prefix + path,
            "protocol": "HTTP/1.1",
            "requestId": "id",
            "resourcePath": "/{proxy+}",
            "stage": STAGE,
        },
        **_body({name.lower(): value for name, value in sent.items()}, body),
    }


def rest_own_domain(method: str, path: str, *rest: Any) -> dict[str, Any]:
    return rest_api(method, path, *rest, domain=OWN_DOMAIN)


def _body(headers: Headers, body: bytes) -> dict[str, Any]:
    if not body:
        return {"body": None, "isBase64Encoded": False}
    if headers.get("content-type", "").startswith(_TEXT):
        return {"body": body.decode(), "isBase64Encoded": False}
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


# How each front is called, and the prefix of the addresses that it serves.
FRONTS: dict[str, tuple[Callable[..., dict[str, Any]], str, str]] = {
    "HTTP API": (http_api, HTTP_API, f"/{STAGE}"),
    "HTTP API, own domain": (own_domain, OWN_DOMAIN, ""),
    "function URL": (function_url, FUNCTION_URL, ""),
    "REST API": (rest_api, HTTP_API, f"/{STAGE}"),
    "REST API, own domain": (rest_own_domain, OWN_DOMAIN, ""),
}
