"""Mutants of templates by operators: each takes every place of a kind and changes it.

The hand-written mutants (`tests.review.mutants`) are what an attacker would try; these are what
nobody thought of. Each is named after its operator and its place.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from review.templates.assembly import Template

Body = dict[str, Any]
Path = tuple[str | int, ...]

_STATEMENT = ("Effect", "Action", "NotAction")
_NEVER = {"Fn::Equals": ["a", "b"]}
_BY_REGION = {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}


@dataclass(frozen=True, kw_only=True, slots=True)
class Mutant:
    """Templates with one place changed."""

    operator: str
    place: str
    """Stack and path."""
    templates: tuple[Template, ...]

    def __str__(self) -> str:
        return f"{self.operator} {self.place}"


def mutants(templates: tuple[Template, ...]) -> Iterator[Mutant]:
    """Every mutant of every operator, in a stable order."""
    for index, template in enumerate(templates):
        for operator, change in OPERATORS.items():
            for path in _paths(template.body):
                body = copy.deepcopy(template.body)
                if change(body, path) and body != template.body:
                    changed = (*templates[:index], replace(template, body=body))
                    yield Mutant(
                        operator=operator,
                        place=f"{template.stack}/{'/'.join(map(str, path))}",
                        templates=(*changed, *templates[index + 1 :]),
                    )
        yield from _moved(templates, index)


def _paths(body: Body) -> Iterator[Path]:
    """Every place in the resources, outputs and conditions of a template, outer ones first."""
    for section in ("Resources", "Outputs", "Conditions"):
        yield from _below((section,), body.get(section, {}))


def _below(path: Path, value: Any) -> Iterator[Path]:
    items: Iterator[tuple[str | int, Any]] = iter(())
    if isinstance(value, dict):
        items = iter(value.items())
    elif isinstance(value, list):
        items = iter(enumerate(value))
    for key, child in items:
        yield (*path, key)
        yield from _below((*path, key), child)


def _at(body: Body, path: Path) -> Any:
    place: Any = body
    for key in path:
        place = place[key]
    return place


def _set(body: Body, path: Path, value: Any) -> bool:
    _at(body, path[:-1])[path[-1]] = value
    return True


def _is_resource(path: Path) -> bool:
    return path[0] == "Resources" and len(path) == 2


def _is_property(path: Path) -> bool:
    return len(path) == 4 and path[2] == "Properties"


def _is_in_a_policy(path: Path) -> bool:
    return "Statement" in path


def _is_content(path: Path) -> bool:
    return "Content" in path


def _remove(body: Body, path: Path) -> bool:
    """A resource, a property, a statement, a part of one, a step or a part of it."""
    parent = _at(body, path[:-1])
    if isinstance(parent, list) and len(parent) == 1:
        return False  # an empty list is its parent's removal
    del parent[path[-1]]
    return True


def _widen(body: Body, path: Path) -> bool:
    """A string of a policy to ``*``."""
    value = _at(body, path)
    in_place = {"Resource", "Action", "Condition", "Principal"} & set(map(str, path[-4:]))
    if not (_is_in_a_policy(path) and isinstance(value, str) and in_place):
        return False
    return value != "*" and _set(body, path, "*")


def _extend(body: Body, path: Path) -> bool:
    """A list with one more entry that stands for many."""
    value = _at(body, path)
    return isinstance(value, list) and _set(body, path, [*value, "*"])


def _add_variable(body: Body, path: Path) -> bool:
    """A resource with a policy variable beside a wildcard."""
    value = _at(body, path)
    if not (_is_in_a_policy(path) and "Resource" in path[-2:] and isinstance(value, (str, dict))):
        return False
    text = value["Fn::Sub"] if isinstance(value, dict) and "Fn::Sub" in value else value
    if not isinstance(text, str) or text.count(":") < 5:
        return False
    head, _, _ = text.rpartition("/")
    variable = "${!aws:PrincipalAccount}*" if isinstance(value, dict) else "${aws:username}*"
    widened = f"{head}/{variable}"
    return _set(body, path, {"Fn::Sub": widened} if isinstance(value, dict) else widened)


def _retype(body: Body, path: Path) -> bool:
    """A value of another type: a string in a list, a switch turned over, a number changed."""
    value = _at(body, path)
    if path[-1] == "Type" and len(path) == 3:
        return _set(body, path, "AWS::SQS::QueueInlinePolicy")
    if isinstance(value, bool):
        return _set(body, path, not value)
    if isinstance(value, int):
        return _set(body, path, value + 1)
    return isinstance(value, str) and _is_property(path) and _set(body, path, [value])


def _rename(body: Body, path: Path) -> bool:
    """A string of a property or statement with another end."""
    value = _at(body, path)
    is_text = isinstance(value, str) and len(path) > 3
    return is_text and _set(body, path, f"{value}X")


def _duplicate(body: Body, path: Path) -> bool:
    """A resource twice, under the same name."""
    if not _is_resource(path):
        return False
    body["Resources"][f"{path[1]}Twin"] = copy.deepcopy(_at(body, path))
    return True


def _duplicate_entry(body: Body, path: Path) -> bool:
    """A statement that allows what it denied, beside itself; an entry of another list reversed."""
    value = _at(body, path)
    if not (isinstance(value, dict) and value.get("Effect") == "Deny"):
        return False
    parent = _at(body, path[:-1])
    parent.append({**value, "Sid": "Twin", "Effect": "Allow"})
    return True


def _hide(condition: Body) -> Callable[[Body, Path], bool]:
    def hide(body: Body, path: Path) -> bool:
        """A resource that is there under a condition only."""
        if not _is_resource(path):
            return False
        body.setdefault("Conditions", {})["Hidden"] = condition
        _at(body, path)["Condition"] = "Hidden"
        return True

    return hide


def _wrap(function: str) -> Callable[[Body, Path], bool]:
    def wrap(body: Body, path: Path) -> bool:
        """A property that an intrinsic function decides."""
        if not _is_property(path):
            return False
        nothing = {"Ref": "AWS::NoValue"}
        wrapped = {
            "Fn::If": {"Fn::If": ["Hidden", _at(body, path), nothing]},
            "Fn::Transform": {"Fn::Transform": {"Name": "Macro", "Parameters": {}}},
            "Fn::ImportValue": {"Fn::ImportValue": "Elsewhere"},
        }[function]
        if function == "Fn::If":
            body.setdefault("Conditions", {})["Hidden"] = _NEVER
        return _set(body, path, wrapped)

    return wrap


def _moved(templates: tuple[Template, ...], index: int) -> Iterator[Mutant]:
    """A resource that stands in another stack."""
    template, other = templates[index], templates[index - 1]
    if other is template:
        return
    for logical_id, resource in template.body["Resources"].items():
        here, there = copy.deepcopy(template.body), copy.deepcopy(other.body)
        del here["Resources"][logical_id]
        there["Resources"][f"Moved{logical_id}"] = resource
        changed = list(templates)
        changed[index] = replace(template, body=here)
        changed[index - 1] = replace(other, body=there)
        yield Mutant(
            operator="move",
            place=f"{template.stack}/Resources/{logical_id}",
            templates=tuple(changed),
        )


OPERATORS: dict[str, Callable[[Body, Path], bool]] = {
    "remove": _remove,
    "widen": _widen,
    "extend": _extend,
    "add a variable to": _add_variable,
    "retype": _retype,
    "rename": _rename,
    "duplicate": _duplicate,
    "allow as well": _duplicate_entry,
    "hide": _hide(_NEVER),
    "hide by Region": _hide(_BY_REGION),
    "wrap in Fn::If": _wrap("Fn::If"),
    "wrap in Fn::Transform": _wrap("Fn::Transform"),
    "wrap in Fn::ImportValue": _wrap("Fn::ImportValue"),
}
