"""ARNs of KMS keys."""

import re

from delegation.deployment.regions import partition_of

_ARN = re.compile(r"arn:(aws[a-z-]*):kms:([a-z0-9-]+):(\d{12}):key/([0-9a-zA-Z-]+)")


def is_key_arn(text: str) -> bool:
    """Whether a text is the ARN of a key, no alias, in a Region of its partition; DelegationError
    for a name that is not a Region."""
    match = _ARN.fullmatch(text)
    return match is not None and partition_of(match[2]) == match[1]


def key_region(key_arn: str) -> str:
    """The Region of a KMS key ARN."""
    return key_arn.split(":")[3]
