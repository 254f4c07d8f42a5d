"""What AWS asks for what we use: its list prices, and an estimate made of them.

Before any free tier, discount and tax, and without storage, backups, the stream's reads, logs and
traffic. `settings.PRICES` replaces any of them.

Sources: https://aws.amazon.com/dynamodb/pricing/on-demand/ (since 1 November 2024, when AWS halved
them: in Ireland from 0.283 and 1.4135), https://aws.amazon.com/lambda/pricing/ (x86) and
https://aws.amazon.com/api-gateway/pricing/ (HTTP APIs, the first 300 million).
"""

from dataclasses import dataclass, replace

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from core.usage import Kind, Usage

SINCE = "November 2024"
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Dollars for a million of each.

    Attributes
    ----------
    read_units, write_units
        Request units of DynamoDB tables on demand.
    calls, gb_seconds
        Calls of Lambda functions, and their time multiplied by their memory.
    requests
        Through API Gateway.
    """

    read_units: float
    write_units: float
    calls: float = 0.20
    gb_seconds: float = 16.6667
    requests: float


_LISTED = {
    "eu-west-1": Prices(read_units=0.1415, write_units=0.70675, requests=1.11),
    "us-east-1": Prices(read_units=0.125, write_units=0.625, requests=1.00),
}


def listed(region: str) -> tuple[str, Prices]:
    """Return the prices that hold in a region, and the region that they are listed for.

    Raises
    ------
    ImproperlyConfigured
        When `settings.PRICES` names something else, or holds no numbers.
    """
    name = region if region in _LISTED else "us-east-1"
    own = settings.PRICES
    known = Prices.__slots__
    if not isinstance(own, dict) or not all(
        key in known and isinstance(value, int | float) and value >= 0 for key, value in own.items()
    ):
        message = f"PRICES must be a JSON object with prices of {', '.join(known)}"
        raise ImproperlyConfigured(message)
    return name, replace(_LISTED[name], **own)


def database_cost(usage: Usage, prices: Prices) -> float:
    """Return the dollars for what was asked of DynamoDB."""
    return (
        usage.read_units * prices.read_units + usage.write_units * prices.write_units
    ) / _MILLION


def function_cost(kind: Kind, usage: Usage, prices: Prices) -> float:
    """Return the dollars for Lambda and API Gateway; 0 for what ran elsewhere."""
    if not usage.gb_seconds:
        return 0.0
    each = prices.calls + (prices.requests if kind == "endpoint" else 0)
    return (usage.calls * each + usage.gb_seconds * prices.gb_seconds) / _MILLION
