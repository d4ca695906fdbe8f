"""Whether a role's limits can limit its runbooks, asked before anything is synthesized."""

import re
from collections.abc import Mapping
from typing import Any

from delegation import names
from delegation.deployment.limits import (
    APPROVAL_STEP,
    CALENDAR_STEP,
    REASON,
    elements,
    instance_parameters,
    is_list,
)
from delegation.deployment.service_roles import ServiceRole
from delegation.errors import IN_DEPLOYMENTS, DelegationError
from delegation.runbooks.checks.references import whole_reference
from delegation.runbooks.checks.scope import named_steps
from delegation.runbooks.permissions import Need
from delegation.runbooks.permissions.arns import is_instance
from delegation.runbooks.permissions.authorization import judged_on
from delegation.runbooks.runbook import Runbook


def check_role_limits(role: ServiceRole, runbooks: Mapping[str, Runbook]) -> None:
    """Raises DelegationError for a runbook that a limit of its role could not limit."""
    for name in role.documents:
        runbook = runbooks[name]
        most = role.at_most_instances if name in role.runbooks else None
        if most is not None and (reason := _why_unlimited(runbook.content, most)):
            raise DelegationError(
                f"at_most_instances of service role {role.name!r} cannot limit runbook {name!r}: "
                f"{reason}; give it a role without that limit {IN_DEPLOYMENTS}"
            )
        for need in runbook.needs if role.only_instances_tagged else ():
            if reason := _why_past_tags(need):
                raise DelegationError(
                    f"only_instances_tagged of service role {role.name!r} cannot limit runbook "
                    f"{name!r}: step {need.step!r} needs {need.action} on {need.resource}, "
                    f"{reason}, or give the runbook a role without that limit {IN_DEPLOYMENTS}"
                )
        if name not in role.runbooks:
            continue  # of a target: the other limits are of runbooks that people start
        if role.require_reason and REASON in (runbook.content.get("parameters") or {}):
            raise DelegationError(
                f"{runbook.file}: parameter {REASON!r} is called as the one that require_reason of "
                f"service role {role.name!r} adds; rename it"
            )
        taken = {step.name for step in named_steps(runbook.content)}
        for step, limit in ((APPROVAL_STEP, role.approval), (CALENDAR_STEP, role.calendar)):
            if limit is not None and step in taken:
                raise DelegationError(
                    f"{runbook.file}: step {step!r} is called as the step that a limit of "
                    f"service role {role.name!r} puts before it; rename it"
                )


def _why_unlimited(content: Mapping[str, Any], most: int) -> str:
    """Why the number of a runbook's instances cannot be limited by its parameters; empty where
    it can."""
    named = instance_parameters(content)
    lists = [name for name in named if is_list(content["parameters"][name])]
    if not named:
        return "none of its parameters names instances"
    if len(lists) > 1:
        return f"{' and '.join(sorted(lists))} both list instances"
    for name in lists:
        field = content["parameters"][name]
        if field.get("minItems", 0) > most:
            return f"{name} has minItems {field['minItems']}"
        if isinstance(field.get("default"), list) and len(field["default"]) > most:
            return f"{name} has {len(field['default'])} values by default"
    for step in named_steps(content):
        if "Targets" in step.inputs:
            return f"step {step.name!r} names its instances by Targets"
        for value in elements(step.inputs.get("InstanceIds")):
            reference = whole_reference(value)
            if reference and reference not in named and not reference.endswith(_ITERATOR):
                return f"step {step.name!r} takes its instances from {reference}"
    return ""


_ITERATOR = ".CurrentIteratorValue"


def _why_past_tags(need: Need) -> str:
    """Why the tags of instances do not limit a need; empty where they do."""
    if _escapes_tags(need):
        return "not on the ARNs of instances; narrow it"
    if _acts_elsewhere(need):
        return "which the tags of instances do not limit; leave it out"
    return ""


def _acts_elsewhere(need: Need) -> bool:
    """Whether a need acts on something else than instances, whatever their tags.

    A call that is judged on an instance as well is limited by it. Descriptions change nothing, nor
    does reading what the document spells out, or what is no resource.
    """
    judged, name = judged_on(need.action), need.action.split(":")[1]
    if is_instance(need.resource) or name.startswith(("Describe", "List")):
        return False
    if need.action == "ssm:SendCommand" or (
        judged is not None and not _INSTANCE_KINDS.isdisjoint(judged.required)
    ):
        return False
    is_of_none = judged is not None and not (judged.required or judged.optional)
    is_spelled_out = "*" not in need.resource
    return not (name.startswith("Get") and (is_of_none or is_spelled_out))


def _escapes_tags(need: Need) -> bool:
    """Whether a need may reach instances otherwise than by ARNs that carry their tags.

    A kind of resource that is not spelled out may be that of instances; so may every resource of
    an action that nothing is known of.
    """
    judged = judged_on(need.action)
    may_reach = judged is None or not _INSTANCE_KINDS.isdisjoint(
        (*judged.required, *judged.optional)
    )
    if need.resource == "*":
        return may_reach
    service, _, _, last = names.filled(need.resource).split(":", 5)[2:]
    kind = re.split(r"[/:]", last)[0]
    return "*" in service or (service in _OF_INSTANCES and not _PLAIN.fullmatch(kind))


_INSTANCE_KINDS = {"instance", "managed-instance"}
_OF_INSTANCES = ("ec2", "ssm")
_PLAIN = re.compile(r"[A-Za-z0-9-]+")
