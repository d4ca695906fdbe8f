"""Selectors of answers: JSONPath, as Automation reads it.

Automation uses Jayway's JsonPath, which also takes functions at the end of a path and a dot before
a bracket; the rest is parsed by a library.
Source: Systems Manager User Guide, Using action outputs as inputs; json-path/JsonPath.
"""

import re

import jsonpath

_FUNCTION = re.compile(
    r"[.](min|max|avg|stddev|length|sum|keys|concat|append|first|last|index)\([^()]*\)$"
)


def selector_problem(selector: str) -> str | None:
    """Why a selector is not a JSONPath; None where it is one."""
    if not selector.strip():
        return "it is empty"
    if selector.startswith("."):
        return "it begins with a dot"
    written = selector if selector.startswith("$") else f"$.{selector}"
    plain = _FUNCTION.sub("", written).replace(".[", "[")
    try:
        parsed = jsonpath.compile(plain)
    except jsonpath.JSONPathError as error:
        return str(error).splitlines()[0]
    if isinstance(parsed, jsonpath.CompoundJSONPath):
        return "it joins two paths"
    return None
