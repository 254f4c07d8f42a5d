"""The shop's settings, in the row that each request reads anyway."""

import msgspec
from pynamodb.expressions.update import Action

from core.dynamodb.errors import is_condition_failure
from recommendations.models import ServingRow
from recommendations.preferences import Preferences


def save(preferences: Preferences, *, replaces: int) -> bool:
    """Store settings as the next number after ``replaces``; False when that is no longer theirs."""
    number = ServingRow.preferences_number
    unchanged = number.does_not_exist() if replaces == 0 else number == replaces
    actions: list[Action] = [
        ServingRow.preferences.set(msgspec.to_builtins(preferences)),
        number.set(replaces + 1),
    ]
    try:
        ServingRow(ServingRow.PK, ServingRow.SK).update(actions=actions, condition=unchanged)
    except Exception as error:
        if is_condition_failure(error):
            return False
        raise
    return True
