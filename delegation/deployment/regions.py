"""The AWS Regions and partitions, from botocore's data file (botocore itself is not imported)."""

import json
from difflib import get_close_matches
from functools import cache

from aws_facts.botocore_models import botocore_data
from aws_facts.partitions import IAM_HOMES, PARTITIONS
from delegation.errors import IN_DEPLOYMENTS, DelegationError


def partition_by_region() -> dict[str, str]:
    """The partition of every Region of these partitions: ``{"eu-west-1": "aws", …}``."""
    return {r: partition for r, partition in _regions().items() if partition in PARTITIONS}


@cache
def _regions() -> dict[str, str]:
    """The partition of every Region that botocore knows."""
    data = botocore_data() / "partitions.json"
    return {
        region: partition["id"]
        for partition in json.loads(data.read_text("utf-8"))["partitions"]
        for region in partition["regions"]
        if not region.endswith("-global")
    }


def partition_of(region: str) -> str:
    """The partition of a Region; raises DelegationError for a name that is not a Region."""
    known = partition_by_region()
    if (other := _regions().get(region)) not in (None, *PARTITIONS):
        raise DelegationError(
            f"region {region!r} is in the partition {other}, for which this project knows neither "
            f"AWS's managed policies nor its sign-in; partitions: {', '.join(PARTITIONS)} "
            f"{IN_DEPLOYMENTS}"
        )
    if region not in known:
        nearest = get_close_matches(str(region), known, n=1)
        hint = f"; nearest: {nearest[0]}" if nearest else ""
        raise DelegationError(
            f"region {region!r} is not a Region of {', '.join(PARTITIONS)}{hint} "
            f"(deployments.py; a new Region needs a newer botocore in requirements.in)"
        )
    return known[region]


def iam_home(region: str) -> str:
    """The Region to which IAM's events go, for one of its partition."""
    return IAM_HOMES[partition_of(region)]
