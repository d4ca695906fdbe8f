"""A stack is described as its template is; the emulator forgets it where a change set made it.

Source: CloudFormation API Reference, Stack, Description.
"""

from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import handlers

_describe_stacks = handlers._describe_stacks


def describe_stacks(params: Any) -> Any:
    """DescribeStacks, with the description of each stack's template."""
    for stack in cloudformation._stacks.values():
        stack["Description"] = (stack.get("_template") or {}).get("Description", "")
    return _describe_stacks(params)
