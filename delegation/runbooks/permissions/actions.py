"""What each action of Automation calls: the grants that its steps need.

AWS publishes no list of IAM actions per automation action; each function says what it goes by.
"""

import re
from collections.abc import Callable
from dataclasses import replace

from delegation import names
from delegation.runbooks.checks.actions import actions
from delegation.runbooks.checks.api import operation_of
from delegation.runbooks.checks.references import has_reference
from delegation.runbooks.permissions.apis import SSM_TAGGED_KINDS, of_api
from delegation.runbooks.permissions.arns import arn, definition_arn, document_arn, is_of_aws
from delegation.runbooks.permissions.authorization import PASS_ROLE
from delegation.runbooks.permissions.calls import Call
from delegation.runbooks.permissions.grants import Derived, Grant, on_kinds
from delegation.runbooks.permissions.members import members_of, role_arns, takes_role


def derive(action: str, call: Call) -> Derived:
    """The grants that a step's action and inputs show, and what they leave unseen."""
    if action in _CALL_NOTHING:
        return Derived()
    if action in _BY_ACTION:
        return _BY_ACTION[action](call)
    if action in _API_ACTIONS:
        found = operation_of(call.inputs)
        as_native = _AS_NATIVE.get(found[:2]) if found else None
        return as_native(call) if as_native else of_api(call)
    if action not in actions():  # reported by the check of the document
        return Derived()
    return Derived(unseen=f"what {action} calls cannot be derived")


_CALL_NOTHING = ("aws:branch", "aws:loop", "aws:pause", "aws:sleep", "aws:updateVariable")
_API_ACTIONS = (
    "aws:executeAwsApi",
    "aws:assertAwsResourceProperty",
    "aws:waitForAwsResourceProperty",
)


def _approve(call: Call) -> Derived:
    """A message to the topic that asks for the approval, where one is named."""
    topic = call.inputs.get("NotificationArn")
    if topic is None:
        return Derived()
    why = "aws:approve shows the approvers"
    if not names.is_arn(topic):
        return Derived(unseen="NotificationArn is not a topic's ARN spelled out")
    return Derived(grants=(Grant("sns:Publish", str(topic), why, _guide("aws:approve")),))


_STATE_CALLS = {
    "running": "ec2:StartInstances",
    "stopped": "ec2:StopInstances",
    "terminated": "ec2:TerminateInstances",
}


def _change_instance_state(call: Call) -> Derived:
    """The call that changes the state, and the polling until the instances are in it."""
    source = _guide("aws:changeInstanceState")
    if "DesiredState" not in call.inputs:  # reported by the check of the document
        return Derived()
    states = call.values_of(call.inputs["DesiredState"])
    polling = Grant(
        "ec2:DescribeInstanceStatus",
        "*",
        "aws:changeInstanceState awaits the state; the call has no resource-level permission",
        source,
    )
    if states is None:
        return Derived(unseen="DesiredState is not spelled out")
    if call.is_true("CheckStateOnly"):
        return Derived(grants=(polling,))
    changes = [
        Grant(
            _STATE_CALLS[state],
            arn,
            f"aws:changeInstanceState brings instances to {state}",
            source,
        )
        for state in states
        if state in _STATE_CALLS
        for arn in call.ec2_arns("instance", "InstanceIds")
    ]
    return Derived(grants=(*changes, polling))


def _create_image(call: Call) -> Derived:
    return Derived(grants=_new_image("aws:createImage", "ec2:CreateImage", call))


def _copy_image(call: Call) -> Derived:
    unseen = "its KmsKeyId needs grants of the key" if "KmsKeyId" in call.inputs else ""
    return Derived(grants=_new_image("aws:copyImage", "ec2:CopyImage", call), unseen=unseen)


def _new_image(action: str, makes: str, call: Call) -> tuple[Grant, ...]:
    """The call that makes an image, and the polling until the image is available."""
    source = _guide(action)
    polling = Grant(
        "ec2:DescribeImages",
        "*",
        f"{action} awaits the image; the call has no resource-level permission",
        source,
    )
    return (*_on_kinds(makes, action, call, source), polling)


def _delete_image(call: Call) -> Derived:
    source = _guide("aws:deleteImage")
    return Derived(
        grants=(
            Grant(
                "ec2:DescribeImages",
                "*",
                "aws:deleteImage finds the image's snapshots; the call has no resource-level "
                "permission",
                source,
            ),
            *_on_kinds("ec2:DeregisterImage", "aws:deleteImage", call, source),
            *_on_kinds("ec2:DeleteSnapshot", "aws:deleteImage", call, source),
        )
    )


def _create_tags(call: Call) -> Derived:
    """Tags on the kinds of resources that the ids show: by prefix, step output or parameter."""
    source, kind = _guide("aws:createTags"), str(call.inputs.get("ResourceType", "EC2"))
    why = "aws:createTags sets the tags"
    if kind in SSM_TAGGED_KINDS:
        tagged = arn("ssm", SSM_TAGGED_KINDS[kind], {})
        return Derived(grants=(Grant("ssm:AddTagsToResource", tagged, why, source),))
    if kind != "EC2":
        return Derived(unseen="ResourceType is not spelled out")
    kinds = call.ec2_kinds("ResourceIds")
    if kinds is None:
        return Derived(unseen="ResourceIds do not show which kinds of resources it tags")
    return Derived(
        grants=tuple(Grant("ec2:CreateTags", arn("ec2", each, {}), why, source) for each in kinds)
    )


def _execute_automation(call: Call) -> Derived:
    source = _guide("aws:executeAutomation")
    documents = call.values_of(call.inputs.get("DocumentName"))
    if documents is None:
        return Derived(unseen="DocumentName is not spelled out")
    if "TargetLocations" in call.inputs:
        return Derived(unseen="it runs in other accounts or Regions")
    executions = arn("ssm", "automation-execution", {})
    why = "aws:executeAutomation starts the other runbook"
    grants = _start_grants(documents, why, source)
    grants.append(
        Grant("ssm:GetAutomationExecution", executions, "aws:executeAutomation awaits it", source)
    )
    passed = _passed_roles(call.inputs.get("RuntimeParameters"))
    targets = _finding_targets(call.inputs.get("Targets", []))
    grants += (*passed.grants, *targets.grants)
    reasons = (_embeds_no_role(documents), passed.unseen, targets.unseen)
    return Derived(grants=tuple(grants), unseen="; ".join(filter(None, reasons)))


def _finding_targets(targets: object) -> Derived:
    """What finds the targets of a child. That it is done by the execution's role is inferred.

    Source: AWS managed policies, such as AmazonSSMMaintenanceWindowRole; Resource Groups API
    Reference, ListGroupResources, Minimum permissions.
    """
    if not isinstance(targets, list) or has_reference(targets):
        return Derived(unseen="Targets are not spelled out")
    source, why = "AWS managed policy AmazonSSMMaintenanceWindowRole", "it finds the targets"
    grants: list[Grant] = []
    for target in targets:
        key = str(target.get("Key")) if isinstance(target, dict) else ""
        values = target.get("Values") if isinstance(target, dict) else None
        if key == "ResourceGroup" and isinstance(values, list):
            groups = (arn("resource-groups", "group", {"GroupName": str(v)}) for v in values)
            stacks = arn("cloudformation", "stack", {})
            grants += [Grant("resource-groups:ListGroupResources", g, why, source) for g in groups]
            grants.append(Grant("cloudformation:DescribeStacks", stacks, why, source))
            grants.append(Grant("cloudformation:ListStackResources", stacks, why, source))
        if key.startswith("tag:") or key == "ResourceGroup":
            grants.append(Grant("tag:GetResources", "*", why, source))
        elif key in ("AWS::EC2::Instance", "InstanceIds"):
            grants.append(Grant("ec2:DescribeInstances", "*", why, source))
        elif key != "ParameterValues":
            return Derived(unseen=f"Targets by {key!r} do not show what finds them")
    return Derived(grants=tuple(grants))


def _passed_roles(parameters: object) -> Derived:
    """The roles that a child's parameters name: the caller passes them to Automation.

    Source: Systems Manager User Guide, aws:executeAutomation.
    """
    grants: list[Grant] = []
    unseen: list[str] = []
    given = parameters if isinstance(parameters, dict) else {}
    if not isinstance(parameters, dict) and has_reference(parameters):
        unseen.append("RuntimeParameters are not spelled out")
    for member in members_of(given, {}, {}):
        if not takes_role(member) and not _ASSUMED.search(member.name):
            continue
        arns = role_arns(member)
        why = "the child runs under it"
        grants += [
            Grant(PASS_ROLE, each, why, _guide("aws:executeAutomation"), "ssm.amazonaws.com")
            for each in arns or ()
        ]
        if arns is None:
            unseen.append(f"{member.name} passes a role that is not spelled out")
    return Derived(grants=tuple(grants), unseen="; ".join(unseen))


_ASSUMED = re.compile("assumerole", re.IGNORECASE)


def _start_grants(documents: tuple[str, ...], why: str, source: str) -> list[Grant]:
    """A start is judged on the document, on the execution, and on the older definition."""
    starts = [document_arn(name) for name in documents]
    starts.append(arn("ssm", "automation-execution", {}))
    starts += [definition_arn(name) for name in documents]
    return [Grant("ssm:StartAutomationExecution", each, why, source) for each in starts]


def _embeds_no_role(documents: tuple[str, ...]) -> str:
    owned = [name for name in documents if is_of_aws(name)]
    return f"{owned[0]} embeds no role, so that its calls are made by this one" if owned else ""


def _start_automation_execution(call: Call) -> Derived:
    documents = call.values_of(call.inputs.get("DocumentName"))
    if documents is None:
        return Derived(unseen="DocumentName is not spelled out")
    grants = _start_grants(documents, "it calls ssm StartAutomationExecution", _REFERENCE)
    passed = _passed_roles(call.inputs.get("Parameters"))
    unseen = [reason for reason in (_embeds_no_role(documents), passed.unseen) if reason]
    return Derived(grants=(*grants, *passed.grants), unseen="; ".join(unseen))


_REFERENCE = "Service Authorization Reference"


def _execute_state_machine(call: Call) -> Derived:
    source, machine = _guide("aws:executeStateMachine"), call.inputs.get("stateMachineArn")
    if not names.is_arn(machine) or "*" in str(machine):
        return Derived(unseen="stateMachineArn is not spelled out")
    executions = str(machine).replace(":stateMachine:", ":execution:") + ":*"
    return Derived(
        grants=(
            Grant("states:StartExecution", str(machine), "it starts the state machine", source),
            Grant("states:DescribeExecution", executions, "it awaits the execution", source),
            Grant("states:StopExecution", executions, "a cancellation stops it", source),
        )
    )


def _invoke_lambda_function(call: Call) -> Derived:
    source = _guide("aws:invokeLambdaFunction")
    why = "aws:invokeLambdaFunction calls the function"
    grants = list(_on_kinds("lambda:InvokeFunction", why, call, source))
    if "Qualifier" in call.inputs:
        grants += [replace(grant, resource=f"{grant.resource}:*") for grant in tuple(grants)]
    return Derived(grants=tuple(grants))


def _run_command(call: Call) -> Derived:
    source = _guide("aws:runCommand")
    documents = call.values_of(call.inputs.get("DocumentName"))
    if documents is None:
        return Derived(unseen="DocumentName is not spelled out")
    if "ServiceRoleArn" in call.inputs:
        return Derived(unseen="it passes the role of ServiceRoleArn")
    send = _send_grants(documents, "aws:runCommand sends the command", call, source)
    watch = "aws:runCommand awaits the command; the call has no resource-level permission"
    return Derived(
        grants=(
            *send,
            *(Grant(f"ssm:{name}", "*", watch, source) for name in _WATCHING_COMMANDS),
        )
    )


def _send_grants(
    documents: tuple[str, ...], why: str, call: Call, source: str
) -> tuple[Grant, ...]:
    """A command is judged on its document and on every node that it is sent to."""
    targets = [
        *(document_arn(name) for name in documents),
        *call.ec2_arns("instance", "InstanceIds"),
        arn("ssm", "managed-instance", {}),
    ]
    if "OutputS3BucketName" in call.inputs:
        buckets = call.values_of(call.inputs["OutputS3BucketName"]) or ("*",)
        targets += [arn("s3", "bucket", {"BucketName": bucket}) for bucket in buckets]
    return tuple(Grant("ssm:SendCommand", each, why, source) for each in targets)


def _send_command(call: Call) -> Derived:
    documents = call.values_of(call.inputs.get("DocumentName"))
    if documents is None:
        return Derived(unseen="DocumentName is not spelled out")
    if "ServiceRoleArn" in call.inputs:
        return Derived(unseen="it passes the role of ServiceRoleArn")
    return Derived(grants=_send_grants(documents, "it calls ssm SendCommand", call, _REFERENCE))


_WATCHING_COMMANDS = (
    "DescribeInstanceInformation",
    "GetCommandInvocation",
    "ListCommandInvocations",
    "ListCommands",
)


def _stack(verb: str) -> Callable[[Call], Derived]:
    action = "aws:createStack" if verb == "Create" else "aws:deleteStack"

    def derived(call: Call) -> Derived:
        source = _guide(action)
        grants = [
            grant
            for name in (f"cloudformation:{verb}Stack", "cloudformation:DescribeStacks")
            for grant in _on_kinds(name, action, call, source)
        ]
        unseen = "the resources of its template are made and deleted with the role's permissions"
        return Derived(grants=tuple(grants), unseen=unseen)

    return derived


def _on_kinds(action: str, why: str, call: Call, source: str) -> tuple[Grant, ...]:
    """The grants of a fixed call, whose kinds of resources the data always shows."""
    found = on_kinds(action, why, call, source)
    assert found is not None, action
    return found


def _guide(action: str) -> str:
    return f"Systems Manager User Guide, {action}; Service Authorization Reference"


_BY_ACTION: dict[str, Callable[[Call], Derived]] = {
    "aws:approve": _approve,
    "aws:changeInstanceState": _change_instance_state,
    "aws:copyImage": _copy_image,
    "aws:createImage": _create_image,
    "aws:createStack": _stack("Create"),
    "aws:createTags": _create_tags,
    "aws:deleteImage": _delete_image,
    "aws:deleteStack": _stack("Delete"),
    "aws:executeAutomation": _execute_automation,
    "aws:executeStateMachine": _execute_state_machine,
    "aws:invokeLambdaFunction": _invoke_lambda_function,
    "aws:runCommand": _run_command,
}
_AS_NATIVE = {
    ("ssm", "SendCommand"): _send_command,
    ("ssm", "StartAutomationExecution"): _start_automation_execution,
}
"""APIs that act through a document, which has to be spelled out as for the action of that name."""
