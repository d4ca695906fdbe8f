"""What a change does to templates and to what deploys them, without asking AWS."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from review.templates.cloud_assembly import Assembly, Stack

_DEPLOYED_BY = (
    *("account", "region", "deployment_role", "execution_role", "publishing_role", "bucket"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class TemplateChange:
    """One element of a template that is not as before."""

    stack: str
    element: str
    """Its logical id, with its type or its section."""
    what: str
    """``added``, ``removed``, or the properties that differ."""


def template_changes(before: Assembly, after: Assembly) -> Iterator[TemplateChange]:
    """Every element that is added, removed or changed, stack by stack, and what else deploys a
    stack otherwise."""
    old = {stack.id: stack for stack in before.stacks}
    new = {stack.id: stack for stack in after.stacks}
    for id_ in dict.fromkeys((*new, *old)):
        yield from _stack(id_, old.get(id_), new.get(id_))


def _stack(id_: str, old: Stack | None, new: Stack | None) -> Iterator[TemplateChange]:
    before, after = (_elements(stack.template) if stack else {} for stack in (old, new))
    for element in dict.fromkeys((*after, *before)):
        if before.get(element) != after.get(element):
            what = _what(before.get(element), after.get(element))
            yield TemplateChange(stack=id_, element=element, what=what)
    if old and new:
        differing = [name for name in _DEPLOYED_BY if getattr(old, name) != getattr(new, name)]
        if differing:
            reported = f"changed: {', '.join(differing)}"
            yield TemplateChange(stack=id_, element="what deploys it", what=reported)


def _elements(template: Mapping[str, Any]) -> dict[str, Any]:
    """Every element of a template, by its logical id and type, or by its section."""
    found: dict[str, Any] = {}
    for section, content in template.items():
        if section in ("Resources", "Outputs", "Parameters", "Mappings", "Conditions", "Rules"):
            for logical_id, element in content.items():
                kind = element.get("Type", section) if isinstance(element, dict) else section
                found[f"{logical_id} ({kind})"] = element
        else:
            found[section] = content
    return found


def _what(before: Any, after: Any) -> str:
    if before is None:
        return "added"
    if after is None:
        return "removed"
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return "changed"
    old, new = _flat(before), _flat(after)
    return "changed: " + ", ".join(
        n for n in dict.fromkeys((*new, *old)) if old.get(n) != new.get(n)
    )


def _flat(element: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of an element beside whatever else it has."""
    properties = element.get("Properties")
    others = {name: value for name, value in element.items() if name != "Properties"}
    return {**others, **(properties if isinstance(properties, dict) else {})}
