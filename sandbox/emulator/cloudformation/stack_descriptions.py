"""A stack is described as its template is, with its role; the emulator forgets the one where a
change set made it or where its creation failed, and leaves out the other.

Source: CloudFormation API Reference, Stack: Description, RoleARN.
"""

import re
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import engine, handlers

from sandbox.emulator.cloudformation.stack_roles import role_of

_describe_stacks = handlers._describe_stacks
_NAMED = re.compile(r"<StackName>([^<]+)</StackName>")


def describe_stacks(params: Any) -> Any:
    """DescribeStacks, with the description of each stack's template and the stack's role."""
    for stack in cloudformation._stacks.values():
        written = stack.get("_template_body")
        template = stack.get("_template") or (engine._parse_template(written) if written else {})
        stack["Description"] = template.get("Description", "")
    status, headers, body = _describe_stacks(params)
    text = body.decode() if isinstance(body, bytes) else body
    return status, headers, _NAMED.sub(_with_role, text).encode()


def _with_role(match: re.Match[str]) -> str:
    role = role_of(match[1])
    return f"{match[0]}<RoleARN>{role}</RoleARN>" if role else match[0]
