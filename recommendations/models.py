"""The tables of the recommender. Only `recommendations.storage` reads and writes them.

Keys and indexes follow the access patterns in ``docs/data-model.md``.
"""

from typing import Any, Self

from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    NumberAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection

from core.dynamodb.attributes import DecimalAttribute, JSONAttribute, PriceAttribute
from core.dynamodb.tables import OperationsRow, Table, TableMeta, table_name


class EventsByMonth(GlobalSecondaryIndex["EventRow"]):
    """Everyone's events of one month, spread over shards: the staff's newest-first view."""

    class Meta:
        index_name = "by_month"
        projection = AllProjection()

    month_shard = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)


class EventsByType(GlobalSecondaryIndex["EventRow"]):
    """What a user or session bought, put into a cart, liked or disliked: the rarer types only."""

    class Meta:
        index_name = "by_type"
        projection = AllProjection()

    actor_type = UnicodeAttribute(hash_key=True)
    moment = UnicodeAttribute(range_key=True, attr_name="timestamp#event_id")


class EventRow(Table):
    """One order, view, click …; an order with its lines is one row."""

    class Meta(TableMeta):
        table_name = table_name("events")
        stream_view_type = "NEW_AND_OLD_IMAGES"

    actor = UnicodeAttribute(hash_key=True, attr_name="user_id")
    moment = UnicodeAttribute(range_key=True, attr_name="timestamp#event_id")
    type = UnicodeAttribute()
    lines = JSONAttribute()
    session_id = UnicodeAttribute(null=True)
    order_id = UnicodeAttribute(null=True)
    recommendation_id = UnicodeAttribute(null=True)
    month_shard = UnicodeAttribute()
    entry = UnicodeAttribute()
    actor_type = UnicodeAttribute(null=True)

    by_month = EventsByMonth()
    by_type = EventsByType()

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Self:
        """Return the row; of one that another program has damaged only what can be read."""
        try:
            return super().from_raw_data(data)
        except (TypeError, ValueError):
            texts = {name: value for name, value in data.items() if "S" in value}
            texts.pop(cls.lines.attr_name, None)
            return super().from_raw_data(texts)


class ItemDirectory(GlobalSecondaryIndex["ItemRow"]):
    """All products in order of id, spread over shards, for listing and search by id."""

    class Meta:
        index_name = "directory"
        projection = AllProjection()

    shard = UnicodeAttribute(hash_key=True)
    item_id = UnicodeAttribute(range_key=True)


class ItemRow(Table):
    """A product. A deleted one stays as a tombstone, so that late events do not revive it."""

    class Meta(TableMeta):
        table_name = table_name("items")

    item_id = UnicodeAttribute(hash_key=True)
    shard = UnicodeAttribute(null=True)
    name = UnicodeAttribute()
    categories = JSONAttribute(null=True)
    price = PriceAttribute(null=True)
    currency = UnicodeAttribute(null=True)
    available = BooleanAttribute(default=True)
    image_url = UnicodeAttribute(null=True)
    url = UnicodeAttribute(null=True)
    labels = JSONAttribute(null=True)
    attributes = JSONAttribute(null=True)
    published_at = UnicodeAttribute(null=True)
    deleted = BooleanAttribute(null=True)

    directory = ItemDirectory()


class TermRow(Table):
    """A product under one of its categories or a word of its name."""

    class Meta(TableMeta):
        table_name = table_name("item_terms")

    term = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)
    item_id = UnicodeAttribute()


class ProfileRow(Table):
    """A user's ready list; rewritten whole as a pure function of events and neighbours.

    ``head`` holds the first entries once more, for answers that need nothing else; rows of earlier
    releases have none.
    """

    class Meta(TableMeta):
        table_name = table_name("profiles")

    user_id = UnicodeAttribute(hash_key=True)
    stamp = UnicodeAttribute()
    packed = BinaryAttribute(legacy_encoding=False)
    head = BinaryAttribute(legacy_encoding=False, null=True)
    digest = UnicodeAttribute()


class NeighboursRow(Table):
    """The packed nearest neighbours of one item, of each model version that may serve.

    ``generations`` lists (version, size) newest first, ``packed`` holds their bytes one after the
    other. A generation stands for all later versions too, until the next one.
    """

    class Meta(TableMeta):
        table_name = table_name("neighbours")

    item_kind = UnicodeAttribute(hash_key=True, attr_name="item_id#kind")
    generations = JSONAttribute()
    packed = BinaryAttribute(legacy_encoding=False)

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Self:
        """Return the row; of one that another program has damaged only the key."""
        try:
            return super().from_raw_data(data)
        except (TypeError, ValueError):
            name = cls.item_kind.attr_name
            return super().from_raw_data({name: data[name]})


class ListRow(Table):
    """A ready list that is not personal, in one model version: popular, trending, per category.

    With an ``epoch`` the products were found available then.
    """

    class Meta(TableMeta):
        table_name = table_name("lists")

    name = UnicodeAttribute(hash_key=True)
    version = UnicodeAttribute(range_key=True)
    entries = JSONAttribute()
    epoch = NumberAttribute(null=True)
    expires_at = TTLAttribute(null=True)


class EffectsRow(Table):
    """The ledger: what one stored event has added to the counters so far, in one generation."""

    class Meta(TableMeta):
        table_name = table_name("event_effects")

    actor = UnicodeAttribute(hash_key=True, attr_name="user_id")
    entry = UnicodeAttribute(range_key=True, attr_name="generation#timestamp#event_id")
    effects = JSONAttribute()
    digest = UnicodeAttribute()


class Boards(GlobalSecondaryIndex["ItemStatsRow"]):
    """Products by points, over all time and on each day, spread over shards."""

    class Meta:
        index_name = "boards"
        projection = IncludeProjection(["purchases", "carts", "views", "likes", "clicks"])

    board = UnicodeAttribute(hash_key=True)
    points = NumberAttribute(range_key=True)


class _Counters(Table):
    """Counts of events, each absent while it is zero; a row goes with the last of its events."""

    events = NumberAttribute(null=True)
    impressions = NumberAttribute(null=True)
    clicks = NumberAttribute(null=True)
    views = NumberAttribute(null=True)
    carts = NumberAttribute(null=True)
    likes = NumberAttribute(null=True)
    dislikes = NumberAttribute(null=True)
    purchases = NumberAttribute(null=True)
    units = NumberAttribute(null=True)
    revenue = DecimalAttribute(null=True)


class ItemStatsRow(_Counters):
    """What happened with a product: in total, and on each day."""

    class Meta(TableMeta):
        table_name = table_name("item_stats")

    name = UnicodeAttribute(hash_key=True, attr_name="item_id")
    period = UnicodeAttribute(range_key=True, attr_name="generation#period")
    points = NumberAttribute(null=True)
    board = UnicodeAttribute()

    boards = Boards()


class PlacementStatsRow(_Counters):
    """What happened in a placement, and in the whole shop, by day, variant and shard."""

    class Meta(TableMeta):
        table_name = table_name("placement_stats")

    name = UnicodeAttribute(hash_key=True, attr_name="placement")
    period = UnicodeAttribute(range_key=True, attr_name="generation#day#variant#shard")
    lists = NumberAttribute(null=True)
    conversions = NumberAttribute(null=True)
    attributed_lists = NumberAttribute(null=True)
    attributed_impressions = NumberAttribute(null=True)
    attributed_clicks = NumberAttribute(null=True)
    attributed_carts = NumberAttribute(null=True)
    attributed_conversions = NumberAttribute(null=True)
    attributed_units = NumberAttribute(null=True)
    attributed_revenue = DecimalAttribute(null=True)


class DeadLetterRow(Table):
    """A record of the stream that was given up, by the key of its event; removed after a while."""

    class Meta(TableMeta):
        table_name = table_name("dead_letters")

    source = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True, attr_name="timestamp#sequence_number")
    reason = UnicodeAttribute()
    actor = UnicodeAttribute(null=True, attr_name="user_id")
    moment = UnicodeAttribute(null=True, attr_name="timestamp#event_id")
    expires_at = TTLAttribute(null=True)


class ServingRow(OperationsRow):
    """The one row that a request reads besides a profile: the live version, what is hidden.

    ``hidden`` names the products that were hidden since the ``epoch`` began, at most 100.
    """

    PK = "serving"
    SK = "state"

    live_version = UnicodeAttribute(null=True)
    hidden = UnicodeSetAttribute(null=True)
    epoch = NumberAttribute(null=True)
    preferences = JSONAttribute(null=True)
    preferences_number = NumberAttribute(null=True)
    generation = NumberAttribute(null=True)
    rebuilding = NumberAttribute(null=True)


class VersionRow(OperationsRow):
    """A model version with its parameters, data range and offline metrics."""

    PK = "model"

    created_at = UnicodeAttribute()
    state = UnicodeAttribute()
    parameters = JSONAttribute()
    data = JSONAttribute()
    metrics = JSONAttribute()
    rows = JSONAttribute()


class RebuildRow(OperationsRow):
    """How far a rebuild has come in the events table, so that the next run goes on from there."""

    PK = "rebuild"
    SK = "state"

    generation = NumberAttribute()
    preferences_number = NumberAttribute()
    position = JSONAttribute(null=True)
    rows = NumberAttribute(default=0)


class CleaningRow(OperationsRow):
    """How far the clean-up has come in the neighbours table."""

    PK = "cleaning"
    SK = "neighbours"

    position = UnicodeAttribute()


class JobRow(OperationsRow):
    """A run of a job."""

    PK = "job"

    name = UnicodeAttribute()
    state = UnicodeAttribute()
    step = UnicodeAttribute()
    progress = NumberAttribute(default=0)
    rows = NumberAttribute(default=0)
    started_by = UnicodeAttribute()
    created_at = UnicodeAttribute()
    heartbeat_at = UnicodeAttribute(null=True)
    finished_at = UnicodeAttribute(null=True)
    execution = UnicodeAttribute(null=True)
    error = UnicodeAttribute(null=True)
    parameters = JSONAttribute(null=True)
    cost = JSONAttribute(null=True)
    result = JSONAttribute(null=True)
    log = JSONAttribute(null=True)
    cancelled_by = UnicodeAttribute(null=True)


class LastRunRow(OperationsRow):
    """How a job ended last, under its name."""

    PK = "job-last"

    job_id = UnicodeAttribute(null=True)
    state = UnicodeAttribute()
    started_by = UnicodeAttribute()
    created_at = UnicodeAttribute()
    finished_at = UnicodeAttribute()
    error = UnicodeAttribute(null=True)


class PlacementRow(OperationsRow):
    """A placement as it is served, with the number of its version."""

    PK = "placement"

    content = JSONAttribute()
    number = NumberAttribute()
    saved_at = UnicodeAttribute()
    saved_by = UnicodeAttribute()


class PlacementVersionRow(OperationsRow):
    """A version of a placement, in the partition of its name; without content it was deleted."""

    content = JSONAttribute(null=True)
    saved_at = UnicodeAttribute()
    saved_by = UnicodeAttribute()
    note = UnicodeAttribute(null=True)


class ExperimentRow(OperationsRow):
    """An experiment that somebody has ended, with what it said by then."""

    PK = "experiment"

    experiment = JSONAttribute()
    since = UnicodeAttribute()
    days = NumberAttribute(default=0)
    ended_by = UnicodeAttribute()
    adopted = UnicodeAttribute(null=True)
    result = JSONAttribute()


class LeaseRow(OperationsRow):
    """Who may run a job at the moment; free again once it has run out.

    DynamoDB removes the row at `expires_at`, long after: a holder that was slow to renew its lease
    has lost it only when somebody else has taken it.
    """

    PK = "lease"

    holder = UnicodeAttribute()
    runs_out_at = NumberAttribute()


class CheckpointRow(OperationsRow):
    """A part of what a stopped job has computed, so that the next run can go on from there."""

    PK = "checkpoint"

    content = BinaryAttribute(legacy_encoding=False)


class StreamRow(OperationsRow):
    """What the stream function says of the last batch of records that it has handled."""

    PK = "stream"
    SK = "events"

    handled_at = UnicodeAttribute()
    waited = NumberAttribute()


class MonthRow(OperationsRow):
    """A month in which there are events, so that the newest-first view skips the empty ones."""

    PK = "event-month"
