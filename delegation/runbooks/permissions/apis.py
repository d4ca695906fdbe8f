"""What calls of AWS APIs need: the IAM actions behind each, from AWS's own reference."""

import re

from delegation.runbooks.checks.api import operation_of
from delegation.runbooks.permissions.arns import arn
from delegation.runbooks.permissions.authorization import (
    PASS_ROLE,
    Authorizing,
    authorizing,
    stated_needs,
)
from delegation.runbooks.permissions.calls import Call, keys_within
from delegation.runbooks.permissions.grants import Derived, Grant, on_kinds
from delegation.runbooks.permissions.members import (
    Member,
    members_of,
    names_kms_key,
    option_needs,
    role_arns,
    takes_role,
)

_SOURCE = "Service Authorization Reference"
_OWN_INPUTS = ("Service", "Api", "PropertySelector", "DesiredValues")


def of_api(call: Call) -> Derived:
    """The grants that a call of ``Api`` of ``Service`` needs, and what the data leaves unseen."""
    found = operation_of(call.inputs)
    if found is None:  # reported by the check of the document
        return Derived()
    service, api, operation, shapes = found
    actions = authorizing(service, api)
    if actions is None or (actions.sometimes and not actions.always):
        return Derived(unseen=f"no data shows which IAM actions authorize {service} {api}")
    if reason := _acts_through_others(service, api):
        return Derived(unseen=f"{service} {api} {reason}")
    given = Call(
        inputs={k: v for k, v in call.inputs.items() if k not in _OWN_INPUTS}, values=call.values
    )
    root = shapes.get((operation.get("input") or {}).get("shape", ""), {})
    members = list(members_of(given.inputs, root, shapes))
    more = _of_members(service, api, actions, members)
    grants: list[Grant] = list(more.grants)
    unseen: list[str] = [more.unseen] if more.unseen else []
    unseen += stated_needs(service, api, {member.name for member in members if not member.is_off})
    for action in (*actions.always, *actions.sometimes):
        if action == PASS_ROLE:
            continue
        needed = True if action in actions.always else _is_needed(action, given)
        granted = _granted(action, f"it calls {service} {api}", given) if needed else ()
        grants += granted or ()
        if needed is None:
            unseen.append(f"{service} {api} sometimes needs {action}")
        elif granted is None:
            unseen.append(
                f"which resources {action} is judged on cannot be determined from the inputs"
            )
    return Derived(grants=tuple(dict.fromkeys(grants)), unseen="; ".join(unseen))


_ACTS_THROUGH_OTHERS = {
    "batch": (r"SubmitJob", "runs a job with a role of its own"),
    "cloudformation": (
        r"(Create|Update|Delete|Execute|Rollback|Continue|Import|Cancel|Start|Stop|Activate"
        r"|Deactivate|Register|Deregister|Publish|Set|Signal)\w*",
        "has the resources of a template made, changed or deleted with the role's permissions",
    ),
    "codebuild": (r"(Start|Retry)\w+", "runs a build with a role of its own"),
    "codepipeline": (r"(Start|Retry|Put)\w+", "runs a pipeline with a role of its own"),
    "ecs": (
        r"RunTask|StartTask|ExecuteCommand|CreateService|UpdateService|CreateTaskSet",
        "runs containers with roles of their own",
    ),
    "emr": (r"RunJobFlow|AddJobFlowSteps|StartNotebookExecution", "runs code of a cluster"),
    "glue": (r"Start(JobRun|Trigger|WorkflowRun|Crawler)", "runs code with a role of its own"),
    "lambda": (r"Invoke\w*", "runs the code of a function"),
    "s3": (r"CopyObject|UploadPartCopy", "reads one object and writes another"),
    "ssm": (
        r"(Create|Update)Association\w*|StartAssociationsOnce|StartChangeRequestExecution"
        r"|StartSession|ResumeSession|RegisterTaskWithMaintenanceWindow"
        r"|UpdateMaintenanceWindowTask",
        "has other documents run",
    ),
    "stepfunctions": (
        r"Start(Sync)?Execution|RedriveExecution|TestState",
        "runs a state machine with a role of its own",
    ),
}
"""APIs by service that run other code, templates or documents, or name two things of a kind."""


_PASSED_TO = {
    ("autoscaling", ""): "ec2.${AWS::URLSuffix}",
    ("backup", ""): "backup.amazonaws.com",
    ("cloudtrail", ""): "cloudtrail.amazonaws.com",
    ("ec2", ""): "ec2.${AWS::URLSuffix}",
    ("ec2", "CreateFlowLogs"): "vpc-flow-logs.amazonaws.com",
    ("ecs", "RegisterTaskDefinition"): "ecs-tasks.amazonaws.com",
    ("events", ""): "events.amazonaws.com",
    ("glue", ""): "glue.amazonaws.com",
    ("lambda", ""): "lambda.amazonaws.com",
    ("pipes", ""): "pipes.amazonaws.com",
    ("sagemaker", ""): "sagemaker.amazonaws.com",
    ("scheduler", ""): "scheduler.amazonaws.com",
    ("ssm", ""): "ssm.amazonaws.com",
}
"""The service that a role is passed to, by service and API, or by service alone.

Source: ``iam:PassedToService`` in the managed policies AWSBackupFullAccess,
AWSCloudTrail_FullAccess, AmazonECS_FullAccess, AmazonEventBridgeFullAccess,
AWSGlueConsoleFullAccess, AWSLambda_FullAccess, AmazonSageMakerFullAccess; VPC User Guide, IAM role
for publishing flow logs.
"""


def _passed_to(service: str, api: str) -> str:
    """The service that a call passes a role to; empty where that is not known."""
    return _PASSED_TO.get((service, api)) or _PASSED_TO.get((service, ""), "")


def _acts_through_others(service: str, api: str) -> str:
    """What a call has others do; empty where it acts by itself."""
    pattern, reason = _ACTS_THROUGH_OTHERS.get(service, ("", ""))
    return reason if pattern and re.fullmatch(pattern, api) else ""


def _of_members(service: str, api: str, actions: Authorizing, members: list[Member]) -> Derived:
    """What members of a call's input need: roles that are passed, keys, tags, templates."""
    grants: list[Grant] = []
    unseen: list[str] = []
    passes = PASS_ROLE in actions.always
    why = f"{service} {api} passes it"
    for member in members:
        if takes_role(member) and (
            PASS_ROLE in (*actions.always, *actions.sometimes) or service not in ("iam", "sts")
        ):
            passes = True
            arns = role_arns(member)
            passed_to = _passed_to(service, api)
            grants += [Grant(PASS_ROLE, arn, why, _SOURCE, passed_to) for arn in arns or ()]
            if arns and not passed_to:
                unseen.append(
                    f"{service} {api} passes the role of {member.name} to a service that is not "
                    f"known here, which iam:PassedToService names"
                )
            if arns is None:
                unseen.append(
                    f"{service} {api} passes the role of {member.name}, which needs {PASS_ROLE} on "
                    f"it"
                )
        if service != "kms" and names_kms_key(member):
            unseen.append(
                f"{member.name} names a KMS key, whose use needs permissions on the key "
                f"(kms:GenerateDataKey, kms:Decrypt, kms:CreateGrant or others)"
            )
        if not (service == "ec2" and "LaunchTemplate" in api) and (reason := option_needs(member)):
            unseen.append(f"{member.name} {reason}")
    if passes and not grants and not unseen:
        unseen.append(f"{service} {api} passes a role, which needs {PASS_ROLE} on it")
    known = (*actions.always, *actions.sometimes)
    if (
        _MAKES.match(api)
        and _sets_tags(members)
        and not any(_IS_TAGGING.search(action) for action in known)
    ):
        unseen.append(f"its Tags need the permission to tag what {service} {api} makes")
    return Derived(grants=tuple(grants), unseen="; ".join(dict.fromkeys(unseen)))


def _sets_tags(members: list[Member]) -> bool:
    """Whether a call sets tags on what it makes."""
    return any(_TAGS.fullmatch(member.name) and not member.is_off for member in members)


_MAKES = re.compile(
    "Allocate|Copy|Create|Import|Issue|Provision|Publish|Purchase|Put|Register|Request|Restore|Run"
    "|Start|Submit|Upload"
)
"""How APIs begin that make what they tag."""
_TAGS = re.compile(r"Tags?(List|Set|Specifications?)?", re.IGNORECASE)


def _made_and_tagged(action: str, why: str, call: Call) -> tuple[Grant, ...] | None:
    """Tags on the kinds that ``TagSpecifications`` names; None where it does not show them."""
    specifications = call.inputs["TagSpecifications"]
    kinds = [
        each.get("ResourceType") if isinstance(each, dict) else None
        for each in (specifications if isinstance(specifications, list) else [None])
    ]
    if not all(kind in _EC2_KINDS for kind in kinds):
        return None
    return tuple(Grant(action, arn("ec2", str(kind), {}), why, _SOURCE) for kind in kinds)


_EC2_KINDS = ("image", "instance", "network-interface", "security-group", "snapshot", "volume")


_IS_TAGGING = re.compile(r":(CreateTags|AddTags\w*|Tag\w+|\w+Tagging)$")
_INPUTS_THAT_NEED = (
    (re.compile(r"^iam:PassRole$"), re.compile(r"role|instanceprofile", re.IGNORECASE)),
    (_IS_TAGGING, re.compile(r"^Tag(s|List|Specifications)$")),
    (re.compile(r"^s3:\w+Version$"), re.compile(r"^VersionId$")),
    (re.compile(r"^s3:\w+Tagging$"), re.compile(r"^Tagging")),
    (re.compile(r"^s3:\w+Acl$"), re.compile(r"^(ACL$|Grant)")),
    (re.compile(r"^s3:\w+LegalHold$"), re.compile(r"^ObjectLockLegalHoldStatus$")),
    (re.compile(r"^s3:\w+Retention$"), re.compile(r"^(ObjectLock|BypassGovernance)")),
)
"""Actions that a call needs as well where it has such an input, however deep."""


def _is_needed(action: str, call: Call) -> bool | None:
    """Whether a call needs an action that only some calls need; None where that cannot be
    determined."""
    for pattern, name in _INPUTS_THAT_NEED:
        if pattern.search(action):
            return any(name.search(key) for key in keys_within(call.inputs))
    return None


def _granted(action: str, why: str, call: Call) -> tuple[Grant, ...] | None:
    """The grants of one action, as narrow as the call shows; None where it does not."""
    if action == "ec2:CreateTags" and "TagSpecifications" in call.inputs:
        return _made_and_tagged(action, why, call)
    if action in _SSM_TAGGING:
        kind = SSM_TAGGED_KINDS.get(str(call.inputs.get("ResourceType")))
        return (Grant(action, arn("ssm", kind, {}), why, _SOURCE),) if kind else None
    if action in ("ec2:CreateTags", "ec2:DeleteTags"):
        kinds = call.ec2_kinds("Resources")
        if kinds is None:
            return None
        from_kinds = [each for kind in kinds for each in call.ec2_arns(kind, "Resources")]
        return tuple(Grant(action, each, why, _SOURCE) for each in dict.fromkeys(from_kinds))
    return on_kinds(action, why, call, _SOURCE)


_SSM_TAGGING = ("ssm:AddTagsToResource", "ssm:RemoveTagsFromResource")
SSM_TAGGED_KINDS = {
    "Automation": "automation-execution",
    "Document": "document",
    "MaintenanceWindow": "maintenancewindow",
    "ManagedInstance": "managed-instance",
    "Parameter": "parameter",
}
"""Kinds of resources by the ``ResourceType`` that Systems Manager tags them as."""
