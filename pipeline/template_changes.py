"""What a change does to templates, resource by resource, without asking AWS."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.assembly import Assembly

_SECTIONS = ("Resources", "Outputs", "Parameters", "Mappings", "Conditions", "Rules")


@dataclass(frozen=True, kw_only=True, slots=True)
class TemplateChange:
    """One element of a template that is not as before."""

    stack: str
    element: str
    """Its logical id, with its type or its section."""
    what: str
    """``added``, ``removed``, or the properties that differ."""


def template_changes(before: Assembly, after: Assembly) -> Iterator[TemplateChange]:
    """Every element that is added, removed or changed, stack by stack."""
    old = {stack.id: stack.template for stack in before.stacks}
    new = {stack.id: stack.template for stack in after.stacks}
    for stack in dict.fromkeys((*new, *old)):
        for section in _SECTIONS:
            yield from _section(
                stack, section, *(t.get(stack, {}).get(section, {}) for t in (old, new))
            )


def _section(
    stack: str, section: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[TemplateChange]:
    for logical_id in dict.fromkeys((*new, *old)):
        before, after = old.get(logical_id), new.get(logical_id)
        if before == after:
            continue
        some = after or before
        kind = some.get("Type", section) if isinstance(some, dict) else section
        yield TemplateChange(
            stack=stack, element=f"{logical_id} ({kind})", what=_what(before, after)
        )


def _what(before: Any, after: Any) -> str:
    if before is None:
        return "added"
    if after is None:
        return "removed"
    differing = [name for name in _names(before, after) if _of(before, name) != _of(after, name)]
    return f"changed: {', '.join(differing)}"


def _names(before: Any, after: Any) -> list[str]:
    """The properties of both, and whatever else an element has."""
    names: dict[str, None] = {}
    for each in (before, after):
        for name, value in each.items():
            if name == "Properties":
                names.update(dict.fromkeys(value))
            else:
                names[name] = None
    return list(names)


def _of(element: Mapping[str, Any], name: str) -> Any:
    properties = element.get("Properties", {})
    return properties[name] if name in properties else element.get(name)
