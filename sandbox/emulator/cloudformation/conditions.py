"""What the emulator does not know in the conditions of a stack.

It takes ``Fn::Join`` for true whatever it joins: CDK's bootstrap template asks so whether execution
policies are given, and its execution role would get none. It takes a pseudo parameter for its name.
"""

from collections.abc import Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import engine

_evaluate = engine._evaluate_conditions
Parameters = Mapping[str, Mapping[str, Any]]


def evaluate_joined(template: Mapping[str, Any], parameters: Parameters) -> Any:
    """The conditions of a template, joined before the emulator evaluates them."""
    conditions = _joined(template.get("Conditions", {}), parameters)
    pseudo = {
        "AWS::AccountId": {"Value": get_account_id()},
        "AWS::Partition": {"Value": "aws"},
        "AWS::Region": {"Value": get_region()},
    }
    return _evaluate({**template, "Conditions": conditions}, {**pseudo, **parameters})


def _joined(value: Any, parameters: Parameters) -> Any:
    """The value with every ``Fn::Join`` of texts and parameters as the text that it comes to."""
    if isinstance(value, list):
        return [_joined(item, parameters) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"Fn::Join"}:
        delimiter, parts = value["Fn::Join"]
        return str(delimiter).join(_texts(parts, parameters))
    return {key: _joined(item, parameters) for key, item in value.items()}


def _texts(parts: Any, parameters: Parameters) -> list[str]:
    """What is joined; a parameter that is a list is one string with commas in the emulator."""
    if isinstance(parts, dict) and parts.get("Ref") in parameters:
        return str(parameters[parts["Ref"]]["Value"]).split(",")
    return [
        str(parameters[part["Ref"]]["Value"]) if isinstance(part, dict) else str(part)
        for part in parts
    ]
