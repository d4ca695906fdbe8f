"""The statements of service roles: what the needs of their runbooks come to."""

import re
from collections.abc import Iterable
from dataclasses import replace

from delegation import names
from delegation.deployment.keys import key_region
from delegation.deployment.limit_tags import LimitTags
from delegation.policies.statements import Conditions, Statement
from delegation.runbooks.permissions import Need
from delegation.runbooks.permissions.arns import is_instance


def boundary_statements(
    needs: Iterable[Need], regions: Iterable[str], tags: LimitTags = ()
) -> tuple[Statement, ...]:
    """The statements that allow exactly these needs, one for each service and kind of resource.

    With tags, those on instances hold for instances with all of these tags alone, and further ones
    keep the role from setting or removing any of them.
    """
    regions = tuple(regions)
    grouped: dict[tuple[str, str, str], list[Need]] = {}
    for need in needs:
        kind = (need.action.split(":")[0], need.resource, need.passed_to)
        grouped.setdefault(kind, []).append(need)
    statements: dict[str, Statement] = {}
    for (service, resource, passed_to), group in sorted(grouped.items()):
        sid = _unused_sid(f"Use{names.construct_id(service)}{_kind(resource)}", statements)
        statements[sid] = Statement(
            sid=sid,
            actions=tuple(sorted({need.action for need in group})),
            resources=_arns(resource, regions),
            conditions=(
                *(_tagged(tags) if is_instance(resource) else ()),
                *((("StringEquals", "iam:PassedToService", passed_to),) if passed_to else ()),
            ),
            why="; ".join(dict.fromkeys(need.why for need in group)),
            source="; ".join(dict.fromkeys(need.source for need in group)),
        )
    found = tuple(statements.values()) or (_NOTHING,)
    return (*found, *_never_change(tags)) if tags else found


def _tagged(tags: LimitTags) -> Conditions:
    return tuple(
        ("StringEquals", f"aws:ResourceTag/{key}", values if len(values) > 1 else values[0])
        for key, values in tags
    )


def _never_change(tags: LimitTags) -> tuple[Statement, ...]:
    """The statements that keep a role from choosing its own instances.

    IAM compares the keys of tags in ``aws:ResourceTag`` without regard to letter case, so that no
    spelling of the key may be set. A deletion that names no key deletes every tag.
    Source: IAM User Guide, Controlling access to AWS resources using tags; EC2 API Reference,
    DeleteTags.
    """
    never = tuple(
        Statement(
            sid=f"NeverChangeLimitTag{number if number > 1 else ''}",
            effect="Deny",
            actions=("ec2:CreateTags", "ec2:DeleteTags"),
            resources=("*",),
            conditions=(("ForAnyValue:StringEqualsIgnoreCase", "aws:TagKeys", (key,)),),
            why=f"the tag {key} says which instances the role may act on",
            source="IAM User Guide, Controlling access to AWS resources using tags",
        )
        for number, (key, _) in enumerate(tags, start=1)
    )
    every = replace(
        never[0],
        sid="NeverRemoveEveryTag",
        actions=("ec2:DeleteTags",),
        conditions=(("Null", "aws:TagKeys", "true"),),
        why=f"a deletion that names no key would remove the tag {tags[0][0]} as well",
        source="EC2 API Reference, DeleteTags",
    )
    return (*never, every)


_NOTHING = Statement(
    sid="UseNothing",
    effect="Deny",
    actions=("*",),
    resources=("*",),
    why="no step of the role's runbooks calls AWS, and a policy cannot be empty",
    source="IAM User Guide, Grammar of the IAM JSON policy language",
)


def volume_key_statements(keys: Iterable[str]) -> tuple[Statement, ...]:
    """What starting instances with volumes under these KMS keys needs, one statement a Region."""
    by_region: dict[str, list[str]] = {}
    for key in keys:
        by_region.setdefault(key_region(key), []).append(key)
    several = len(by_region) > 1
    statements = []
    for region, arns in sorted(by_region.items()):
        conditions: Conditions = (
            ("Bool", "kms:GrantIsForAWSResource", "true"),
            ("StringEquals", "kms:ViaService", f"ec2.{region}.${{AWS::URLSuffix}}"),
        )
        statements.append(
            Statement(
                sid="LetEc2UseVolumeKeys" + (names.construct_id(region) if several else ""),
                actions=("kms:CreateGrant",),
                resources=tuple(arns),
                conditions=conditions,
                why="EC2 attaches an encrypted volume at start under a grant that the caller gives",
                source="EBS User Guide, Requirements for Amazon EBS encryption",
            )
        )
    return tuple(statements)


def _arns(resource: str, regions: tuple[str, ...]) -> tuple[str, ...]:
    """The resource in each of the deployment's Regions."""
    if names.ANY_REGION not in resource:
        return (resource,)
    return tuple(resource.replace(names.ANY_REGION, region) for region in regions)


def _kind(resource: str) -> str:
    """``Instance`` for ``instance/*``: the kind of an ARN's resource; nothing for ``*``."""
    if resource == "*":
        return ""
    last = names.filled(resource).split(":", 5)[5]
    words = re.findall(r"[A-Za-z0-9]+", re.split(r"[/:]", last)[0])
    return "".join(word[:1].upper() + word[1:] for word in words)


def _unused_sid(sid: str, used: Iterable[str]) -> str:
    taken = set(used)
    number, candidate = 1, sid
    while candidate in taken:
        number += 1
        candidate = f"{sid}{number}"
    return candidate
