"""Which input of a call names which resource: APIs and ARNs have different words for one thing."""

import re

from delegation.runbooks.permissions.arns import PLACEHOLDER, arn
from delegation.runbooks.permissions.authorization import arn_forms
from delegation.runbooks.permissions.calls import Call, ec2_kind, keys_within

_SAFE = re.compile(r"[\w+=,.@/-]+")
"""A value that is one name; no wildcard, no placeholder."""
_ARN = re.compile(r"arn:[\w+=,.@/:-]+")
_QUEUE_URL = re.compile(r"https://[\w.-]+/\d{12}/([\w.-]+)")
_SUFFIX = re.compile(
    r"(identifier|withoutleadingslash|withpath|friendlyname|ids?|names?|arns?|urls?|s)$"
)
_NAMING = re.compile(r"(Id|Name)s?$")
_ALSO_CALLED = {
    "DbClusterInstanceName": ("DBClusterIdentifier",),
    "GroupFriendlyName": ("AutoScalingGroupName",),
    "ObjectName": ("Key",),
    "SecurityGroupId": ("GroupId", "GroupIds", "Groups"),
    "TopicName": ("TopicArn", "TargetArn"),
}
"""Inputs that are called otherwise than what they stand for in an ARN."""
_ALSO_NAMED = {
    "object": ("key",),
    "security-group": ("group",),
    "volume": ("blockdevicemapping",),
}
"""Stems of inputs that name a kind of resource besides its own."""


def values_of_placeholder(
    placeholder: str, kind: str, call: Call, *, alone: bool
) -> tuple[str, ...]:
    """What stands for a placeholder of an ARN: the values of the input that gives it, or ``*``.

    ``alone`` says that the call is about one kind of resource, which ``Name`` then names.
    """
    for key, value in call.inputs.items():
        name = str(key)
        if not _is_named_as(name, placeholder) and not (alone and name in ("Name", "Names")):
            continue
        texts = call.values_of(value)
        if texts:
            found = [_as_in_arn(text, placeholder, kind) for text in texts]
            return tuple(text for text in found if text) if all(found) else ("*",)
    return ("*",)


def names_kind(prefix: str, kind: str, call: Call) -> bool:
    """Whether some input, however deep, names a resource of a kind."""
    if "accesspoint" in kind:
        return any(":accesspoint/" in text for text in call.texts())
    if spelled_out(prefix, kind, call):
        return True
    forms = arn_forms(prefix, kind)
    stems = {_stem(p) for form in forms for p in PLACEHOLDER.findall(form)[-1:]}
    stems |= {_stem(kind), *_ALSO_NAMED.get(kind, ())}
    return not stems.isdisjoint(map(_stem, keys_within(call.inputs)))


def spelled_out(prefix: str, kind: str, call: Call) -> tuple[str, ...]:
    """The ARNs of resources of a kind that any input names by an ARN, or of EC2 by an id."""
    forms = [_as_pattern(form) for form in arn_forms(prefix, kind)]
    found = [text for text in call.texts() if any(form.fullmatch(text) for form in forms)]
    if prefix == "ec2":
        placeholder = PLACEHOLDER.findall(arn_forms("ec2", kind)[0])[-1]
        ids = [text for text in call.texts() if ec2_kind(text) == kind]
        found += [arn("ec2", kind, {placeholder: each}) for each in ids]
    return tuple(dict.fromkeys(found))


def _as_pattern(form: str) -> re.Pattern[str]:
    """What ARNs of a form look like."""
    parts = re.split(r"(\$\{\w+\})", form)
    return re.compile("".join("[^:*?]*" if p.startswith("${") else re.escape(p) for p in parts))


def _as_in_arn(text: str, placeholder: str, kind: str) -> str | None:
    """A value as ARNs write it; None where it does not show."""
    if _ARN.fullmatch(text):
        return text
    if url := _QUEUE_URL.fullmatch(text):
        return url[1]
    if not _SAFE.fullmatch(text) or text.startswith("alias/"):
        return None
    if kind.lower() == "secret":
        return f"{text}-??????"  # Secrets Manager ends the name with six characters of its own
    return text.lstrip("/") if placeholder.endswith("WithoutLeadingSlash") else text


def _is_named_as(name: str, placeholder: str) -> bool:
    """Whether an input gives what a placeholder stands for: ``InstanceIds`` an ``InstanceId``; an
    ``ImageName`` is not an ``ImageId``."""
    if name in _ALSO_CALLED.get(placeholder, ()):
        return True
    kinds = {kind for text in (name, placeholder) for kind in _NAMING.findall(text)}
    return _stem(name) == _stem(placeholder) and len(kinds) < 2


def _stem(name: str) -> str:
    """A name without what says how it names: ``instance`` for ``InstanceIds``."""
    stem, before = re.sub(r"[^a-z0-9]", "", name.lower()), ""
    while stem != before and len(stem) > 2:
        before, stem = stem, _SUFFIX.sub("", stem) or stem
    return stem.removeprefix("db") or stem
