"""The members of a call's input that need more than the call itself, by what they are.

A member that names a KMS key, takes a role, copies tags or names a template is recognized by its
name, its value and what AWS's own model says of it, not by a list of calls.
Source: botocore's service models, names and documentation of members.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A member of a call's input that has a value, however deep it stands."""

    name: str
    value: Any
    says: str
    """What AWS's model says of it, as HTML; empty where it has no model."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The strings that it holds by itself."""
        values = self.value if isinstance(self.value, list) else [self.value]
        return tuple(value for value in values if isinstance(value, str))

    @property
    def is_off(self) -> bool:
        """Whether it is a switch that is off, or holds nothing."""
        return str(self.value).lower() in ("false", "none", "no", "[]", "{}", "")


def members_of(
    inputs: Mapping[str, Any], shape: Mapping[str, Any], shapes: Mapping[str, Any]
) -> Iterator[Member]:
    """Every member of a call's input, with what its model says of it."""
    yield from _members(inputs, shape, shapes)


def _members(value: Any, shape: Mapping[str, Any], shapes: Mapping[str, Any]) -> Iterator[Member]:
    if isinstance(value, dict):
        known = shape.get("members", {})
        inner = shape.get("value")
        for key, element in value.items():
            reference = known.get(key) or inner or {}
            own = shapes.get(reference.get("shape", ""), {})
            says = f"{reference.get('documentation', '')} {own.get('documentation', '')}"
            yield Member(name=str(key), value=element, says=says)
            yield from _members(element, own, shapes)
    elif isinstance(value, list):
        own = shapes.get(shape.get("member", {}).get("shape", ""), {})
        for element in value:
            yield from _members(element, own, shapes)


_KEY = re.compile(r"kms|(^|[a-z_])key_?(id|arn|identifier)$|encryption_?key|master_?key", re.I)
_IS_OF_KMS = re.compile(r"\bKMS\b|Key Management Service")


def names_kms_key(member: Member) -> bool:
    """Whether a member names a KMS key: an id, an ARN or an alias."""
    if not member.texts or not _KEY.search(member.name):
        return False
    return "kms" in member.name.lower() or bool(_IS_OF_KMS.search(member.says))


_ROLE = re.compile(r"role_?arn$|(execution|task|service)_?role|^role$|instanceprofile", re.I)
_MAY_TAKE_A_ROLE = re.compile(r"role|arn$|permission", re.I)
_SAYS_ROLE = re.compile(r"\b(IAM|service|execution|service-linked) role\b|\brole ARN\b", re.I)
_ROLE_ARN = re.compile(r"arn:[\w-]+:iam::\d{12}:role/[\w+=,.@/-]+")


def takes_role(member: Member) -> bool:
    """Whether a member takes a role, whatever it is called."""
    if any(":role/" in text or ":instance-profile/" in text for text in member.texts):
        return True
    if isinstance(member.value, dict):
        return False
    if _ROLE.search(member.name):
        return True
    names_one = _MAY_TAKE_A_ROLE.search(member.name) and _SAYS_ROLE.search(member.says)
    return bool(names_one and member.texts)


def role_arns(member: Member) -> tuple[str, ...] | None:
    """The ARNs of the roles that a member spells out; None where it spells out anything else."""
    texts = member.texts
    return texts if texts and all(map(_ROLE_ARN.fullmatch, texts)) else None


_OPTIONS = (
    (
        re.compile(r"^(LaunchTemplate(Name|Id|Specification|Configs?|s)?|MixedInstancesPolicy)$"),
        "names a launch template, which needs ec2:RunInstances and what the template uses",
    ),
    (
        re.compile(r"^(Vpc(Config|Configuration|Options)|awsvpcConfiguration)$", re.I),
        "puts it into a VPC, which needs ec2:CreateNetworkInterface, ec2:DescribeSubnets, "
        "ec2:DescribeSecurityGroups and the like",
    ),
    (
        re.compile(r"^(Copy\w*Tags\w*|PropagateTags|TagsFrom\w+)$", re.I),
        "copies tags, which needs the permission to set them",
    ),
)


def option_needs(member: Member) -> str:
    """Why a member has the service read or set something else; empty where it does not."""
    if member.is_off:
        return ""
    return next((why for pattern, why in _OPTIONS if pattern.search(member.name)), "")
