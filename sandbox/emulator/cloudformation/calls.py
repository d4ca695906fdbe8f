"""What CloudFormation calls are judged on: the stack, and the role that is handed over.

The emulator reads the stack's name from the query string alone, where no SDK puts it, and drops
``RoleARN``. Source: Service Authorization Reference, AWS CloudFormation.
"""

from typing import Any

from ministack.services import cloudformation

from sandbox.emulator.call import Call
from sandbox.emulator.iam.authorization import Check, arn

SERVICE = "cloudformation.amazonaws.com"
_KEYS = {
    "RoleARN": "cloudformation:RoleArn",
    "ChangeSetName": "cloudformation:ChangeSetName",
    "TemplateURL": "cloudformation:TemplateUrl",
}


def stack_checks(call: Call) -> list[Check]:
    """The check of a call on the stack that it names, and of the role that it passes."""
    stack = _named_stack(call)
    if not stack:
        return []
    context = {key: call.form[name][0] for name, key in _KEYS.items() if name in call.form}
    action = f"cloudformation:{call.operation}"
    checks = [Check(action=action, resource=_arn(stack), context=context)]
    if role := call.form.get("RoleARN", [""])[0]:
        passed = {"iam:PassedToService": SERVICE}
        checks.append(Check(action="iam:PassRole", resource=role, context=passed))
    return checks


def stack_name(call: Call) -> str:
    """The name of the stack that a call names; empty where it names none."""
    stack = _named_stack(call)
    return stack.split("/")[1] if stack.startswith("arn:") else stack


def _named_stack(call: Call) -> str:
    """A stack's name or ARN: that of the change set that is given by its ARN, which decides
    whatever stack is named beside it, else the stack that is given."""
    change_set: dict[str, Any] = (
        cloudformation._change_sets.get(call.form.get("ChangeSetName", [""])[0]) or {}
    )
    return str(change_set.get("StackId", "")) or call.form.get("StackName", [""])[0]


def _arn(stack: str) -> str:
    if stack.startswith("arn:"):
        return stack
    known = cloudformation._stacks.get(stack) or {}
    return str(known.get("StackId") or arn("cloudformation", f"stack/{stack}/new"))
