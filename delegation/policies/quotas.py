"""The limits of IAM and CloudFormation that a deployment can reach, checked before AWS does."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from delegation.deployment.deployment import Deployment
from delegation.errors import DelegationError
from delegation.policies.statements import Statement, policy_document

POLICY_CHARACTERS = 6144
"""A managed policy's largest size without white space. Source: IAM User Guide, quotas."""
TRUST_CHARACTERS = 2048
"""A trust policy's largest size. Source: IAM User Guide, quotas."""
POLICIES_A_PRINCIPAL = 10
"""Managed policies that a user, group or role takes by default. Source: IAM User Guide, quotas."""
GROUPS_A_USER = 10
"""Groups that a user can be in. Source: IAM User Guide, quotas."""
STACK_RESOURCES = 500
"""Resources of one template. Source: CloudFormation User Guide, quotas."""
STACK_OUTPUTS = 200
"""Outputs of one template. Source: CloudFormation User Guide, quotas."""
TEMPLATE_BYTES = 1_000_000
"""A template's largest size in Amazon S3. Source: CloudFormation User Guide, quotas."""

_LONGEST = {
    "${AWS::Partition}": "aws-us-gov",
    "${AWS::AccountId}": "123456789012",
    "${AWS::Region}": "ap-southeast-1",
    "${AWS::URLSuffix}": "amazonaws.com.cn",
    "${!": "${",
}
_TEMPLATE_OVERHEAD = 20_000
"""Room for a template's parameters, rules, metadata and first lines, in bytes."""


def resolved_length(text: str) -> int:
    """The length of an ARN or other text once its placeholders are filled, at the longest."""
    for placeholder, value in _LONGEST.items():
        text = text.replace(placeholder, value)
    return len(text)


def listed_length(arn: str) -> int:
    """What an ARN adds to a policy's list of resources: itself, its quotes and a comma."""
    return resolved_length(arn) + len('"",')


def policy_size(statements: Iterable[Statement]) -> int:
    """A policy's size in IAM's count, with placeholders at their longest."""
    text = json.dumps(policy_document(statements), separators=(",", ":"))
    substitutions = text.count('{"Fn::Sub":') * len('{"Fn::Sub":}')
    return resolved_length(text) - substitutions


def portions(
    names: Iterable[str],
    grants: Callable[[tuple[str, ...]], tuple[Statement, ...]],
    arns: Callable[[str], Iterable[str]],
    *,
    first: tuple[Statement, ...] = (),
) -> Iterator[tuple[str, ...]]:
    """The names in runs of which each one's ``grants`` fit one policy, that of the first run beside
    the statements of ``first``; ``arns`` are those that a name adds to its grants."""
    empty = policy_size(grants(()))
    portion: list[str] = []
    size = policy_size(first) + empty
    for name in names:
        needed = sum(map(listed_length, arns(name)))
        if portion and size + needed > POLICY_CHARACTERS:
            yield tuple(portion)
            portion, size = [], empty
        portion.append(name)
        size += needed
    yield tuple(portion)


def check_policy(what: str, statements: tuple[Statement, ...], remedy: str) -> None:
    """Refuses a policy over IAM's limit; ``remedy`` says what to change."""
    size = policy_size(statements)
    if size > POLICY_CHARACTERS:
        raise DelegationError(
            f"{what} needs {size:,} characters, IAM takes {POLICY_CHARACTERS:,}; {remedy} "
            f"(deployments.py)"
        )


def check_stack(deployment: Deployment, documents: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuses a RunbooksStack over CloudFormation's limits; takes each document's content."""
    if len(documents) > STACK_RESOURCES:
        raise DelegationError(
            f"the deployment for {deployment.label} has {len(documents)} runbooks in a Region, "
            f"CloudFormation takes {STACK_RESOURCES} resources a stack; name fewer, or move some "
            f"to another account's deployment (deployments.py)"
        )
    size = estimated_bytes(documents.values())
    if size > TEMPLATE_BYTES:
        raise DelegationError(
            f"the runbooks of the deployment for {deployment.label} make a template of about "
            f"{size:,} bytes, CloudFormation takes {TEMPLATE_BYTES:,}; name fewer, or move some "
            f"to another account's deployment (deployments.py)"
        )


def estimated_bytes(contents: Iterable[Mapping[str, Any]]) -> int:
    """At most how large a template with these documents is, as CDK writes it."""
    sizes = [_template_bytes(content) for content in contents]
    has_outputs = 2 * len(sizes) <= STACK_OUTPUTS
    return _TEMPLATE_OVERHEAD + sum(sizes) + has_outputs * len(sizes) * _OUTPUTS


def _template_bytes(content: Mapping[str, Any]) -> int:
    """What a document adds to a template that CDK writes with an indentation of one."""
    compact = json.dumps(content)
    values = compact.count(",") + compact.count("{") + compact.count("[")
    return len(compact) + values * _INDENTATION + _ENTRY


_INDENTATION = 10
"""Bytes of line break and indentation before a value, at the depth that runbooks have."""
_ENTRY = 700
"""Bytes of a document's other lines: type, names, dependency and metadata."""
_OUTPUTS = 700
"""Bytes of the two outputs that say how to run a document."""
