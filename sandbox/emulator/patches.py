"""Every patch of the emulator, in one table: what is replaced or added, and why.

The modules import their originals from the emulator, so the table is applied once, as a whole, and
only after every name in it was found.
"""

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from importlib.metadata import version
from types import ModuleType
from typing import Any

import hypercorn.asyncio.run
import ministack.app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import cloudtrail as emulated_cloudtrail
from ministack.services import ec2, eventbridge, iam, kms, rds, scheduler, sqs, sts, tagging
from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks

from sandbox.emulator import cloudtrail, event_delivery
from sandbox.emulator.cloudformation import (
    conditions,
    iam_groups,
    iam_oidc_providers,
    iam_role_boundaries,
    stack_descriptions,
    stack_roles,
    topic_keys,
    volume_attachments,
)
from sandbox.emulator.connections import Connection
from sandbox.emulator.dispatch import dispatch
from sandbox.emulator.ec2 import calls as ec2_calls
from sandbox.emulator.ec2.tagged import tagged_instances
from sandbox.emulator.iam import (
    authorization,
    authorization_details,
    managed_policies,
    paths,
    policy_documents,
    policy_variables,
    root,
    strict_calls,
)
from sandbox.emulator.kms import refused_rotation
from sandbox.emulator.rds import copy_snapshot, modify_instance
from sandbox.emulator.scheduler import calls as schedule_calls
from sandbox.emulator.scheduler import clock
from sandbox.emulator.scheduler import stack_resource as schedule_resource
from sandbox.emulator.sqs import set_attributes
from sandbox.emulator.sts import called_via
from sandbox.ssm.documents import stack_resource

PINNED = "1.5.33"
"""The ministack whose internals the table names, as in requirements-dev.in."""


class EmulatorMismatch(Exception):
    """The installed emulator is not the one that the patches are written for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Patch:
    """A name of the emulator, or an entry of a mapping of that name, and what replaces it."""

    module: ModuleType
    name: str
    value: Any
    why: str
    entry: str | None = None
    """The key within the mapping; None for the name itself."""
    is_new: bool = False
    """Whether the emulator has no such entry; else it must have one, which is replaced."""

    @property
    def target(self) -> str:
        """As messages and the README name it."""
        return f"{self.module.__name__}.{self.name}" + (f"[{self.entry!r}]" if self.entry else "")

    @property
    def _mapping(self) -> MutableMapping[str, Any]:
        mapping: MutableMapping[str, Any] = getattr(self.module, self.name)
        return mapping

    def mismatch(self) -> str | None:
        """What the installed emulator lacks, or has by now, against this patch."""
        if not hasattr(self.module, self.name):
            return f"{self.target} does not exist"
        if self.entry is None or (self.entry in self._mapping) is not self.is_new:
            return None
        return f"{self.target} {'exists' if self.is_new else 'does not exist'}"

    def apply(self) -> None:
        """Puts the value in its place."""
        if self.entry is None:
            setattr(self.module, self.name, self.value)
        else:
            self._mapping[self.entry] = self.value


def _resource_type(
    type_: str,
    why: str,
    *,
    handlers: dict[str, Any],
    replacing: tuple[str, ...],
    name: dict[str, Any] | None = None,
) -> Iterable[Patch]:
    """The entries by which CloudFormation knows a resource type that the emulator lacks."""
    entries = {"_RESOURCE_HANDLERS": handlers, "_REPLACING_PROPERTIES": replacing}
    if name:
        entries["_CUSTOM_NAME_REPLACEMENT"] = name
    for table, value in entries.items():
        yield Patch(module=provisioners, name=table, entry=type_, value=value, why=why, is_new=True)


PATCHES: tuple[Patch, ...] = (
    # Every connection and request
    Patch(
        module=hypercorn.asyncio.run,
        name="TCPServer",
        value=Connection,
        why="connections that are closed stay in memory",
    ),
    Patch(
        module=ministack.app,
        name="_dispatch_service_request",
        value=dispatch,
        why="SSM documents and Automation are missing, and calls are not authorized as AWS does it",
    ),
    # IAM and STS
    *(
        Patch(
            module=module,
            name="is_root_access_key",
            value=root.is_root_access_key,
            why="well-known keys and every 12-digit number are root",
        )
        for module in (iam_evaluator, sts)
    ),
    Patch(
        module=iam_evaluator,
        name="_is_root_key",
        value=root.skips_signature,
        why="the signature of root is not verified",
    ),
    Patch(
        module=iam_evaluator,
        name="enforce",
        value=authorization.enforce_unless_authorized,
        why="one resource of a call is authorized, without its tags",
    ),
    Patch(
        module=iam_actions,
        name="extract_resource_arn",
        value=paths.arn_with_path,
        why="the paths of roles, users and groups are left out",
    ),
    Patch(
        module=iam_evaluator,
        name="_first_match",
        value=policy_variables.first_match_with_variables,
        why="policy variables are compared as text",
    ),
    Patch(
        module=iam_evaluator,
        name="_principal_keys",
        value=called_via.principal_keys_with_service,
        why="aws:CalledVia and aws:ViaAWSService are never set",
    ),
    *(
        Patch(
            module=module,
            name="validate_policy_document",
            value=policy_documents.identity_policy_error,
            why="principals, unknown versions, operators and elements are taken",
        )
        for module in (iam_evaluator, sts)
    ),
    *(
        Patch(
            module=iam,
            name="_IAM_HANDLERS",
            entry=operation,
            value=handler,
            why="missing policies are attached, sizes and letter case of names are ignored",
        )
        for operation, handler in strict_calls.CALLS.items()
    ),
    Patch(
        module=iam,
        name="_IAM_HANDLERS",
        entry=authorization_details.OPERATION,
        value=authorization_details.details_with_boundaries,
        why="permissions boundaries are left out of the details of an account",
    ),
    *(
        Patch(
            module=iam,
            name=name,
            value=strict_calls.with_boundary_type(getattr(iam, name)),
            why="PermissionsBoundaryType is not as IAM answers it",
        )
        for name in ("_user_xml", "_role_xml")
    ),
    Patch(
        module=iam,
        name="_trust_policy_not_principal_error",
        value=policy_documents.trust_policy_error,
        why="trust policies are not read",
    ),
    *(
        Patch(
            module=iam,
            name="_aws_managed_policies",
            entry=arn,
            value=record,
            why="AWS managed policies are missing, or are other versions than AWS publishes",
            is_new=arn not in iam._aws_managed_policies,
        )
        for arn, record in managed_policies.records().items()
    ),
    # CloudFormation
    *_resource_type(
        "AWS::EC2::VolumeAttachment",
        "the resource type is missing",
        handlers=volume_attachments.HANDLERS,
        replacing=("InstanceId", "VolumeId", "Device"),
    ),
    *_resource_type(
        "AWS::IAM::Group",
        "the resource type is missing",
        handlers=iam_groups.HANDLERS,
        replacing=("GroupName",),
        name={"name": "GroupName"},
    ),
    *_resource_type(
        "AWS::IAM::OIDCProvider",
        "the resource type is missing",
        handlers=iam_oidc_providers.HANDLERS,
        replacing=("Url",),
    ),
    *_resource_type(
        "AWS::SSM::Document",
        "the resource type is missing",
        handlers=stack_resource.HANDLERS,
        replacing=stack_resource.CREATE_ONLY,
        name=stack_resource.NAME_REPLACEMENT,
    ),
    Patch(
        module=provisioners,
        name="_STACK_TAG_PROPERTY",
        entry="AWS::SSM::Document",
        value=("Tags", "list"),
        why="the resource type is missing",
        is_new=True,
    ),
    Patch(
        module=provisioners,
        name="_RESOURCE_HANDLERS",
        entry="AWS::IAM::Role",
        value=iam_role_boundaries.HANDLERS,
        why="PermissionsBoundary is dropped",
    ),
    Patch(
        module=provisioners,
        name="_RESOURCE_HANDLERS",
        entry="AWS::SNS::Topic",
        value=topic_keys.HANDLERS,
        why="KmsMasterKeyId is dropped",
    ),
    *(
        Patch(
            module=module,
            name="_evaluate_conditions",
            value=conditions.evaluate_joined,
            why="Fn::Join in a condition is true whatever it joins",
        )
        for module in (changesets, engine, handlers, stacks)
    ),
    *(
        Patch(
            module=module,
            name=name,
            value=value,
            why="resources are made as nobody, and unknown properties and existing names are taken",
        )
        for module in (provisioners, stacks)
        for name, value in stack_roles.AUTHORIZED.items()
    ),
    Patch(
        module=handlers,
        name="_ACTION_HANDLERS",
        entry="DescribeStacks",
        value=stack_descriptions.describe_stacks,
        why="a stack of a change set has no description, and none shows its role",
    ),
    # EC2
    Patch(
        module=tagging,
        name="_COLLECTORS",
        entry="ec2",
        value=tagged_instances,
        why="instances are not among the tagged resources",
        is_new=True,
    ),
    *(
        Patch(
            module=ec2,
            name="_ACTION_MAP",
            entry=operation,
            value=call,
            why="the call is missing",
            is_new=operation not in ec2_calls.REPLACED,
        )
        for operation, call in ec2_calls.CALLS.items()
    ),
    # RDS, SQS and KMS
    Patch(
        module=rds,
        name="_ACTION_MAP",
        entry="CopyDBSnapshot",
        value=copy_snapshot,
        why="the call is missing",
        is_new=True,
    ),
    Patch(
        module=rds,
        name="_ACTION_MAP",
        entry="ModifyDBInstance",
        value=modify_instance,
        why="an instance is never in the state modifying",
    ),
    Patch(
        module=sqs,
        name="_HANDLERS",
        entry="SetQueueAttributes",
        value=set_attributes,
        why="truth values are kept as they are written",
    ),
    Patch(
        module=kms,
        name="_reject_rotation_for_hmac",
        value=refused_rotation,
        why="asymmetric keys are rotated",
    ),
    # EventBridge Scheduler
    *(
        Patch(module=scheduler, name=name, value=value, why=why)
        for name, value, why in (
            (
                "_tick_schedules",
                clock.start_due,
                "roles are not assumed, universal targets, time zones and retries are left out",
            ),
            ("_SCHEDULE_TICK_INTERVAL", clock.SECONDS, "schedules are looked at too rarely"),
            ("_create_schedule", schedule_calls.create_schedule, "any expression is taken"),
            ("_update_schedule", schedule_calls.update_schedule, "any expression is taken"),
        )
    ),
    Patch(
        module=provisioners,
        name="_RESOURCE_HANDLERS",
        entry="AWS::Scheduler::Schedule",
        value=schedule_resource.HANDLERS,
        why="time zone, dates and refusals are dropped",
    ),
    # CloudTrail and EventBridge
    Patch(
        module=ministack.app,
        name="_maybe_record_cloudtrail",
        value=cloudtrail.record_nothing,
        why="events have invented names and no identity; dispatch records them",
    ),
    Patch(
        module=emulated_cloudtrail,
        name="_DISPATCH",
        entry="LookupEvents",
        value=cloudtrail.lookup_events,
        why="there are no pages",
    ),
    Patch(
        module=eventbridge,
        name="_invoke_target",
        value=event_delivery.deliver,
        why="log groups receive nothing, and policies of targets and keys are not asked",
    ),
)


def resource_types() -> frozenset[str]:
    """The types of resources that CloudFormation makes here."""
    added = {patch.entry for patch in PATCHES if patch.name == "_RESOURCE_HANDLERS"}
    return frozenset({*provisioners._RESOURCE_HANDLERS, *filter(None, added)})


def apply_patches() -> None:
    """Applies the table, or raises EmulatorMismatch and changes nothing."""
    installed = version("ministack")
    mismatches = [found for patch in PATCHES if (found := patch.mismatch())]
    if installed != PINNED:
        mismatches.insert(0, f"ministack {PINNED} is pinned")
    if mismatches:
        raise EmulatorMismatch(
            f"the installed emulator, ministack {installed}, is not the one that the sandbox is "
            f"written for: {'; '.join(mismatches)} (sandbox/emulator/patches.py; run: make install)"
        )
    for patch in PATCHES:
        patch.apply()
