"""What CloudFormation refuses before it makes or changes a resource, and the emulator does not: a
property that the type does not have, a name that exists, a policy that IAM does not take.

Source: CloudFormation User Guide, Template Reference; IAM User Guide, IAM and AWS STS quotas (names
are unique whatever their letter case; 6,144 characters of a managed policy without white space).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ministack.services import (
    cloudwatch_logs,
    ecr,
    eventbridge,
    iam,
    kms,
    scheduler,
    secretsmanager,
    sns,
    sqs,
)

from sandbox.emulator.cloudformation.resource_properties import properties_of
from sandbox.emulator.iam.policy_documents import identity_policy_error, trust_policy_error
from sandbox.emulator.iam.strict_calls import MOST_OF_MANAGED, characters, own_policy_names

Properties = Mapping[str, Any]

_OF_THE_TEMPLATE = ("AWS::CloudFormation::", "Custom::", "AWS::CDK::")
"""Types whose properties are the template's own."""
_IAM = "AWS::IAM::"


def require_accepted(
    type_: str, logical_id: str, properties: Properties, old: Properties | None = None
) -> None:
    """Raises ValueError, as a resource handler does, for what the type's handler refuses; ``old``
    are the properties that are replaced, where the resource exists."""
    _require_known(type_, logical_id, properties)
    _require_free(type_, properties, old or {})
    if type_.startswith(_IAM):
        _require_taken_by_iam(type_, properties)
    if type_ == "AWS::S3::Bucket" and not properties.get("OwnershipControls"):
        _require_no_acl(properties.get("AccessControl", "Private"))


def _require_no_acl(acl: str) -> None:
    """Raises ValueError for an ACL on a bucket whose owner enforces none, as new ones are made.

    Source: S3 User Guide, Controlling ownership of objects and disabling ACLs for your bucket.
    """
    if acl != "Private":
        message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
        raise ValueError(
            f'Resource handler returned message: "{message} (Service: S3, Status Code: 400)" '
            "(HandlerErrorCode: InvalidRequest)"
        )


def _require_known(type_: str, logical_id: str, properties: Properties) -> None:
    if type_.startswith(_OF_THE_TEMPLATE):
        return
    for name in properties:
        if name not in properties_of(type_):
            raise ValueError(
                f"Properties validation failed for resource {logical_id} with message:\n"
                f"[#: extraneous key [{name}] is not permitted]"
            )


def _require_free(type_: str, properties: Properties, old: Properties) -> None:
    property_, names = _NAMES.get(type_, ("", _none))
    name = properties.get(property_)
    if not isinstance(name, str) or name == old.get(property_):
        return
    compared = str.lower if type_.startswith(_IAM) else str
    if compared(name) in set(map(compared, names())):
        raise ValueError(
            f"Resource handler returned message: \"Resource of type '{type_}' with identifier "
            f"'{name}' already exists.\" (HandlerErrorCode: AlreadyExists)"
        )


def _require_taken_by_iam(type_: str, properties: Properties) -> None:
    for policy in properties.get("Policies") or ():
        _require_policy(identity_policy_error, policy.get("PolicyDocument", {}))
    if type_ == "AWS::IAM::Role":
        _require_policy(trust_policy_error, properties.get("AssumeRolePolicyDocument", {}))
    if type_ in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"):
        _require_policy(identity_policy_error, properties.get("PolicyDocument", {}))
    if type_ == "AWS::IAM::ManagedPolicy":
        _require_size(properties.get("PolicyDocument", {}))
    _require_principals(properties)
    for arn in properties.get("ManagedPolicyArns") or ():
        if not iam._policy_exists(arn):
            raise _refusal(f"Policy {arn} does not exist or is not attachable.")
    boundary = properties.get("PermissionsBoundary")
    if boundary and not iam._policy_exists(boundary):
        raise _refusal(f"Scope ARN: {boundary} does not exist or is not attachable.")


def _require_principals(properties: Properties) -> None:
    for property_, kept in (("Roles", iam._roles), ("Users", iam._users), ("Groups", iam._groups)):
        for name in properties.get(property_) or ():
            if name not in kept:
                kind = property_.lower().removesuffix("s")
                raise _refusal(f"The {kind} with name {name} cannot be found.")


def _require_size(document: Any) -> None:
    if characters(document) > MOST_OF_MANAGED:
        limit = f"Cannot exceed quota for PolicySize: {MOST_OF_MANAGED}"
        raise _refusal(limit, status=409, code="ServiceLimitExceeded")


def _require_policy(error: Callable[[Any], str | None], document: Any) -> None:
    if message := error(document):
        raise _refusal(message, status=400, code="InvalidRequest")


def _refusal(message: str, *, status: int = 404, code: str = "NotFound") -> ValueError:
    """What a resource handler raises where IAM refuses its call."""
    return ValueError(
        f'Resource handler returned message: "{message} (Service: Iam, Status Code: {status})" '
        f"(HandlerErrorCode: {code})"
    )


def _none() -> Iterable[str]:
    return ()


_NAMES: Mapping[str, tuple[str, Callable[[], Iterable[str]]]] = {
    "AWS::IAM::Role": ("RoleName", lambda: iam._roles),
    "AWS::IAM::User": ("UserName", lambda: iam._users),
    "AWS::IAM::Group": ("GroupName", lambda: iam._groups),
    "AWS::IAM::InstanceProfile": ("InstanceProfileName", lambda: iam._instance_profiles),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", own_policy_names),
    "AWS::ECR::Repository": ("RepositoryName", lambda: ecr._repositories),
    "AWS::Events::Rule": ("Name", lambda: [r["Name"] for r in eventbridge._rules.values()]),
    "AWS::KMS::Alias": ("AliasName", lambda: [arn.split(":", 5)[5] for arn in kms._aliases]),
    "AWS::Logs::LogGroup": ("LogGroupName", lambda: cloudwatch_logs._log_groups),
    "AWS::Logs::ResourcePolicy": ("PolicyName", lambda: cloudwatch_logs._resource_policies),
    "AWS::SNS::Topic": ("TopicName", lambda: [arn.rsplit(":", 1)[-1] for arn in sns._topics]),
    "AWS::SQS::Queue": ("QueueName", lambda: [url.rsplit("/", 1)[-1] for url in sqs._queues]),
    "AWS::Scheduler::ScheduleGroup": ("Name", lambda: scheduler._schedule_groups),
    "AWS::SecretsManager::Secret": ("Name", lambda: secretsmanager._secrets),
}
"""The property that names a resource, and the names that exist, of types whose emulated handler
takes an existing resource over."""
