"""The shop's settings, in the row that each request reads anyway."""

import msgspec

from core.dynamodb.conditions import held
from recommendations.models import ServingRow
from recommendations.preferences import Preferences


def save(preferences: Preferences, *, replaces: int) -> bool:
    """Store settings as the next number after ``replaces``; False when that is no longer theirs."""
    number = ServingRow.preferences_number
    unchanged = number.does_not_exist() if replaces == 0 else number == replaces
    values = msgspec.to_builtins(preferences)
    actions = [ServingRow.preferences.set(values), number.set(replaces + 1)]
    row = ServingRow(ServingRow.PK, ServingRow.SK)
    return held(lambda: row.update(actions=[*actions], condition=unchanged))
