"""Every difference of two assemblies that no sentence of a change accounts for.

A review compares what it understands: grants, trust, runbooks, limits, notifications. Whatever else
differs is listed here, path by path, so that nothing changes unseen.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from review.access_review import Review
from review.diff.counterparts import GRANTING, Counterparts
from review.diff.gains import About
from review.diff.sides import Key, Side
from review.iam.statements import Policy, read_policy
from review.model.runbook_documents import content_of, without_evaluated
from review.templates.files import parse_json
from review.templates.resource_types import DOCUMENT, LOG, PROVIDER, SECRET, TOPIC, TYPES
from review.templates.resources import Resource
from review.templates.stack_names import RUNBOOKS_STACK, unprefixed

_MISSING = object()
_OUTPUT = 2
"""Length of the path of an output."""
_MOST = 400
"""Characters of a value that are shown."""

_HARMLESS = {
    ("Metadata",): "tools read it; nothing that is deployed does",
    ("Resources", "*", "Metadata"): "tools read it; none of the types here does",
    ("Resources", "*", "DependsOn"): "it orders what is made, and makes nothing",
    ("manifest", "stack", "metadata"): "the CDK CLI prints it; what acts is refused",
    ("manifest", "stack", "additionalMetadataFile"): "it names a file of such metadata",
    ("manifest", "stack", "displayName"): "the CDK CLI prints it",
    ("manifest", "stack", "dependencies"): "it orders deployments",
    ("manifest", "stack", "properties", "additionalDependencies"): "it orders deployments",
    ("manifest", "stack", "properties", "templateFile"): "it names the template that is reviewed",
    ("manifest", "upload", "artifact"): "it names the list of assets",
}
"""Differences that do nothing to access, with the reason. ``*`` is any logical id."""
_HARMLESS_IF_REMOVED = {SECRET, PROVIDER, "AWS::CDK::Metadata"}
"""Types that hold nobody back: what they gave is gone with them."""

_REPORTED_IN_PART = {LOG, TOPIC}
"""Types of which sentences show some properties, and not that they come or go."""
_HARMLESS_IF_NEW = {"Description"}
"""Properties of a resource that sentences account for: it replaces nothing that anybody knew."""

_POLICIES = {"PolicyDocument", "AssumeRolePolicyDocument", "KeyPolicy"}


@dataclass(frozen=True, order=True, kw_only=True, slots=True)
class Difference:
    """Something that differs and that nobody has evaluated."""

    stack: str
    where: str
    """Account and Region."""
    path: str
    before: str
    """JSON; empty where it was not there."""
    after: str
    """JSON; empty where it is not there any more."""

    @property
    def is_administrators(self) -> bool:
        """Whether it is in a stack that administrators own, not the authors'."""
        return unprefixed(self.stack) != RUNBOOKS_STACK

    def __str__(self) -> str:
        before, after = (_cut(text) or "nothing" for text in (self.before, self.after))
        return f"{self.stack} ({self.where}), {self.path}: {before} becomes {after}"


def differences(
    old: Review, new: Review, evaluated: Mapping[str, set[About]]
) -> Iterator[Difference]:
    """The differences that are not evaluated; ``evaluated`` is what sentences are about."""
    was, becomes = Side(old), Side(new)
    for key in dict.fromkeys((*was.templates, *becomes.templates)):
        stack, account, region = key
        for path, before, after in _of_stack(key, was, becomes, evaluated):
            yield Difference(
                stack=stack,
                where=f"{account}, {region}",
                path="/".join(path) or "the stack as a whole",
                before=_json(before),
                after=_json(after),
            )


_Found = tuple[tuple[str, ...], Any, Any]
"""A path, and what stood and stands there."""


def _of_stack(
    key: Key, was: Side, becomes: Side, evaluated: Mapping[str, set[About]]
) -> Iterator[_Found]:
    old, new = was.templates.get(key), becomes.templates.get(key)
    before, after = (dict(each.body) if each else {} for each in (old, new))
    olds, news = before.pop("Resources", {}), after.pop("Resources", {})
    if old is None or new is None:
        yield (
            (),
            _MISSING if old is None else sorted(olds),
            _MISSING if new is None else sorted(news),
        )
    else:
        yield from _leaves((), before, after)
        yield from _leaves(("manifest",), old.manifest, new.manifest)
    for logical_id in dict.fromkeys((*olds, *news)):
        one, other = olds.get(logical_id, {}), news.get(logical_id, {})
        path = ("Resources", logical_id)
        if one == other:
            continue
        pair = Counterparts(
            was.resources.get((key, logical_id)),
            becomes.resources.get((key, logical_id)),
            was,
            becomes,
            evaluated,
        )
        yield from _of_resource(path, one, other, pair)


def _of_resource(
    path: tuple[str, ...], before: Mapping[str, Any], after: Mapping[str, Any], pair: Counterparts
) -> Iterator[_Found]:
    if not pair.both or not before or not after or before.get("Type") != after.get("Type"):
        yield from _come_or_gone(path, before, after, pair)
        return
    olds, news = (dict(each) for each in (before, after))
    one, other = olds.pop("Properties", None) or {}, news.pop("Properties", None) or {}
    yield from _leaves(path, olds, news)
    for name in dict.fromkeys((*one, *other)):
        was, becomes = one.get(name, _MISSING), other.get(name, _MISSING)
        here = (*path, name)
        same = [] if name == "LoginProfile" else _is_same(name, pair)
        if was == becomes or (same and all(same)):
            continue
        if any(same):
            yield from _leaves(here, was, becomes)  # the same in one place that is assumed
            continue
        if name == TYPES[pair.both[0].type].name:
            yield here, was, becomes  # another one, and whether the former one stays is not known
            continue
        if pair.both[0].type == DOCUMENT and name == "Content":
            yield from _of_content(here, pair, was, becomes)
        elif not pair.is_evaluated(name):
            yield from _leaves(here, was, becomes)


def _of_content(
    path: tuple[str, ...], pair: Counterparts, before: Any, after: Any
) -> Iterator[_Found]:
    """What differs in a document and is not a part of what sentences compare."""
    if pair.old is None or pair.new is None:
        yield from _leaves(path, before, after)
        return
    old, new = content_of(pair.old), content_of(pair.new)
    if pair.is_reported_as_runbook():
        old, new = without_evaluated(old), without_evaluated(new)
    yield from _leaves(path, old, new)


def _come_or_gone(
    path: tuple[str, ...], before: Mapping[str, Any], after: Mapping[str, Any], pair: Counterparts
) -> Iterator[_Found]:
    """A resource that is new, or no longer there, as far as no sentence accounts for it."""
    body = before or after
    properties = body.get("Properties") or {}
    if (before and after) or not pair.both or _is_kept(before) or not properties:
        yield path, before or _MISSING, after or _MISSING
        return
    if before and before["Type"] in _HARMLESS_IF_REMOVED:
        return
    left = {name for name in properties if not pair.is_evaluated(name)}
    if body["Type"] == DOCUMENT and pair.is_reported_as_runbook():
        left -= {"Name", "Content"}
    is_known = len(left) < len(properties) and body["Type"] not in _REPORTED_IN_PART
    if before and is_known:
        return  # it is gone as a whole, and sentences say what is gone
    if is_known:
        left -= _HARMLESS_IF_NEW
    if left:
        shown = {name: properties[name] for name in sorted(left)}
        yield path, shown if before else _MISSING, shown if after else _MISSING


def _is_kept(*bodies: Mapping[str, Any]) -> bool:
    """Whether a resource stays in the account when it leaves the template, or is replaced."""
    kept = {body.get(key) for body in bodies for key in ("DeletionPolicy", "UpdateReplacePolicy")}
    return not kept <= {None, "Delete"}


def _is_same(name: str, pair: Counterparts) -> list[bool]:
    """Whether a property comes to the same on both sides, however it is written: here, and where
    nothing fixes the place, elsewhere. Empty where one side is not deployed."""
    return [_canonical(old, name) == _canonical(new, name) for old, new in pair.places]


def _canonical(resource: Resource, name: str) -> Any:
    """A property's value without what decides nothing: the order of statements, their Sids."""
    value = resource.get(name)
    if name in _POLICIES and value is not None:
        document = parse_json(resource.where, value) if isinstance(value, str) else value
        of_resource = resource.type not in GRANTING
        return _rules(read_policy(resource.where, document, of_a_resource=of_resource))
    if name in ("Users", "Groups", "Roles", "ManagedPolicyArns") and isinstance(value, list):
        return sorted(map(str, value))
    return value


def _rules(policy: Policy) -> frozenset[Any]:
    return frozenset(replace(statement, sid="") for statement in policy.statements)


def _leaves(path: tuple[str, ...], before: Any, after: Any) -> Iterator[_Found]:
    """The deepest paths at which two values differ, harmless ones left out."""
    if before == after or _is_harmless(path):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*before, *after)):
            one, other = before.get(key, _MISSING), after.get(key, _MISSING)
            yield from _leaves((*path, str(key)), one, other)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _leaves((*path, str(index)), one, other)
    elif path[:1] == ("Outputs",) and len(path) <= _OUTPUT and after is _MISSING:
        return  # an output that is gone shows nothing to anybody
    else:
        yield path, before, after


def _is_harmless(path: tuple[str, ...]) -> bool:
    return any(
        len(path) == len(known) and all(k in ("*", p) for k, p in zip(known, path, strict=True))
        for known in _HARMLESS
    )


def _json(value: Any) -> str:
    return "" if value is _MISSING else json.dumps(value, sort_keys=True, ensure_ascii=False)


def _cut(text: str) -> str:
    more = len(text) - _MOST
    return f"{text[:_MOST]}… ({more} more characters)" if more > 0 else text
