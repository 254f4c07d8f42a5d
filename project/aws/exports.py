"""The bucket of exports, files to import and what a training hands on: private, encrypted, and
emptied by itself.
"""

import boto3

from recommendations.exporting.s3 import PREFIX as EXPORTS
from recommendations.importing.s3 import PREFIX as IMPORTS
from recommendations.storage.artifacts import KEPT_DAYS as HANDED_ON_DAYS
from recommendations.storage.artifacts import PREFIX as HANDED_ON

#: Days after which a file is removed, by how its key begins.
KEPT_DAYS = {EXPORTS: 7, IMPORTS: 7, HANDED_ON: HANDED_ON_DAYS}


def ensure_bucket(name: str, *, region: str) -> None:
    """Create the bucket if it is missing, and set what must hold for it; may be run again.

    Raises
    ------
    botocore.exceptions.ClientError
        When the name is somebody else's, or this process may not do it.
    """
    client = boto3.client("s3", region_name=region)
    try:
        # The one region that S3 does not take as a constraint.
        place = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        client.create_bucket(Bucket=name, **(place if region != "us-east-1" else {}))
    except client.exceptions.BucketAlreadyOwnedByYou:
        pass
    client.put_public_access_block(
        Bucket=name,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    client.put_bucket_lifecycle_configuration(
        Bucket=name,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": prefix.rstrip("/"),
                    "Status": "Enabled",
                    "Filter": {"Prefix": prefix},
                    "Expiration": {"Days": days},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                }
                for prefix, days in KEPT_DAYS.items()
            ]
        },
    )
