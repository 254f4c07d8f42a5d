"""Tables with very many rows, imported by DynamoDB itself: writing them would take minutes."""

import gzip
import json
import time
from collections.abc import Iterable

import boto3

from core.dynamodb import tables
from core.dynamodb.connection import connection
from core.dynamodb.tables import Table
from project.aws.exports import ensure_bucket

_BUCKET = "bulk-rows"
_IMPORTED = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")


def wire(row: Table) -> str:
    """Return a row as a line of DynamoDB's JSON."""
    return json.dumps({"Item": row.serialize()})


def add(model: type[Table], lines: Iterable[str]) -> None:
    """Put a table in place of the present one that has its rows and these."""
    name = model.Meta.table_name
    client = connection().client
    storage = boto3.client("s3")
    present = (
        json.dumps({"Item": item})
        for page in client.get_paginator("scan").paginate(TableName=name)
        for item in page["Items"]
    )
    body = gzip.compress("\n".join([*present, *lines]).encode(), compresslevel=1)
    ensure_bucket(_BUCKET, region=storage.meta.region_name)
    storage.put_object(Bucket=_BUCKET, Key=f"{name}/rows.json.gz", Body=body)
    client.delete_table(TableName=name)
    definition = tables.definition(model)
    started = client.import_table(
        S3BucketSource={"S3Bucket": _BUCKET, "S3KeyPrefix": f"{name}/"},
        InputFormat="DYNAMODB_JSON",
        InputCompressionType="GZIP",
        TableCreationParameters={
            "TableName": name,
            **{part: definition[part] for part in _IMPORTED if part in definition},
        },
    )["ImportTableDescription"]
    while started["ImportStatus"] == "IN_PROGRESS":
        time.sleep(0.1)
        started = client.describe_import(ImportArn=started["ImportArn"])["ImportTableDescription"]
    assert started["ImportStatus"] == "COMPLETED", started
    storage.delete_object(Bucket=_BUCKET, Key=f"{name}/rows.json.gz")


def start_afresh(*models: type[Table]) -> None:
    """Put empty tables in place of the present ones."""
    for model in models:
        connection().client.delete_table(TableName=model.Meta.table_name)
    for _ in tables.create_all():
        pass
