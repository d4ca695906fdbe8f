"""The doctor on what is ours: each change by hand is found and named."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from account.findings import Harm
from review.templates.cloud_assembly import Assembly
from tests.account.company import (
    ACCOUNT,
    ARN,
    BOUNDARY,
    BUCKET,
    CLIENT,
    DOCUMENT,
    GROUP,
    IN_GROUP,
    LOG,
    POLICY,
    PROVIDER,
    REGION,
    ROLE,
    USER,
    Company,
    Json,
    allow,
    rule,
    trust,
)
from tests.stacks.synthesis import RUNBOOK

pytestmark = pytest.mark.sandbox


def test_untouched_account_has_no_finding(company: Company) -> None:
    assert company.findings() == []


Change = Callable[[Company], Any]


def _content(company: Company, edit: Callable[[Json], Any]) -> str:
    content = json.loads(company.ssm.get_document(Name=RUNBOOK)["Content"])
    edit(content)
    return json.dumps(content)


def _new_version(company: Company, edit: Callable[[Json], Any], *, default: bool) -> None:
    content = _content(company, edit)
    answer = company.ssm.update_document(
        Name=RUNBOOK, Content=content, DocumentVersion="$LATEST", DocumentFormat="JSON"
    )
    version = answer["DocumentDescription"]["DocumentVersion"]
    if default:
        company.ssm.update_document_default_version(Name=RUNBOOK, DocumentVersion=version)


def _restore_document(company: Company) -> None:
    company.ssm.update_document_default_version(Name=RUNBOOK, DocumentVersion="1")
    for version in company.ssm.list_document_versions(Name=RUNBOOK)["DocumentVersions"]:
        if version["DocumentVersion"] != "1":
            company.ssm.delete_document(Name=RUNBOOK, DocumentVersion=version["DocumentVersion"])


def _without_approval(content: Json) -> None:
    content["mainSteps"] = content["mainSteps"][1:]


def _other_role(content: Json) -> None:
    content["assumeRole"] = f"{ARN}:role/OnCall"


def _role_of_starter(content: Json) -> None:
    content["assumeRole"] = f"{ARN}:role/{{{{ Role }}}}"
    content.setdefault("parameters", {})["Role"] = {"type": "String"}


def _describe(content: Json) -> None:
    content["description"] = "changed by hand"


def _stops_instances(content: Json) -> None:
    stop = {"name": "stop", "action": "aws:changeInstanceState"}
    inputs = {"InstanceIds": ["i-0123456789abcdef0"], "DesiredState": "terminated"}
    content["mainSteps"].append({**stop, "inputs": inputs})


def _older_that_does_more(company: Company) -> None:
    original = company.ssm.get_document(Name=RUNBOOK)["Content"]
    _new_version(company, _stops_instances, default=False)
    company.ssm.update_document(
        Name=RUNBOOK, Content=original, DocumentVersion="$LATEST", DocumentFormat="JSON"
    )
    company.ssm.update_document_default_version(Name=RUNBOOK, DocumentVersion="3")


def _start_by_rule(company: Company) -> None:
    company.events.put_rule(Name="Nightly", ScheduleExpression="rate(1 day)")
    target = DOCUMENT.replace(":document/", ":automation-definition/")
    company.events.put_targets(
        Rule="Nightly",
        Targets=[{"Id": "1", "Arn": f"{target}:$DEFAULT", "RoleArn": f"{ARN}:role/x"}],
    )


def _end_rule(company: Company) -> None:
    company.events.remove_targets(Rule="Nightly", Ids=["1"])
    company.events.delete_rule(Name="Nightly")


def _open_bucket(company: Company) -> None:
    company.s3.create_bucket(Bucket=BUCKET)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": ["arn:aws:iam::444455556666:root", f"{ARN}:root"]},
        "Action": "s3:Put*",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    company.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))


def _remove_target(company: Company) -> None:
    company.events.remove_targets(Rule=rule(company), Ids=["Log"])


def _restore_target(company: Company) -> None:
    company.events.put_targets(Rule=rule(company), Targets=[{"Id": "Log", "Arn": LOG}])


def _another_version(company: Company) -> None:
    company.kept = company.policy()
    company.iam.create_policy_version(
        PolicyArn=POLICY, PolicyDocument=allow("ssm:*"), SetAsDefault=True
    )


def _restore_version(company: Company) -> None:
    company.iam.create_policy_version(
        PolicyArn=POLICY, PolicyDocument=json.dumps(company.kept), SetAsDefault=True
    )


def _trust_anybody(company: Company) -> None:
    company.kept = company.iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    company.iam.update_assume_role_policy(
        RoleName=ROLE, PolicyDocument=trust({"AWS": f"{ARN}:root"})
    )


def _restore_trust(company: Company) -> None:
    document = json.dumps(company.kept)
    company.iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=document)


def _provider(company: Company, *clients: str) -> Any:
    return company.iam.create_open_id_connect_provider(
        Url="https://token.actions.githubusercontent.com", ClientIDList=list(clients)
    )


def _without_provider(company: Company) -> Any:
    return company.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER)


def _key(company: Company) -> str:
    return company.physical("TopicKey")


def _topic(company: Company) -> str:
    return company.physical("Topic")


def _subscription(company: Company, endpoint: str) -> str:
    (found,) = [
        each["SubscriptionArn"]
        for each in company.sns.list_subscriptions_by_topic(TopicArn=_topic(company))[
            "Subscriptions"
        ]
        if each["Endpoint"] == endpoint
    ]
    return str(found)


def _schedule(company: Company) -> Json:
    """The schedule as it is given."""
    found = company.scheduler.get_schedule(**IN_GROUP)
    left_out = ("Arn", "CreationDate", "LastModificationDate", "ResponseMetadata")
    return {key: value for key, value in found.items() if key not in left_out}


def _kept(company: Company) -> Json:
    company.kept = _schedule(company)
    return IN_GROUP


def _reschedule(company: Company, **changes: Any) -> None:
    company.kept = _schedule(company)
    company.scheduler.update_schedule(**{**company.kept, **changes})


def _change_schedule(company: Company, **changes: Any) -> None:
    target = _schedule(company)["Target"]
    _reschedule(company, Target={**target, **changes})


def _restore_schedule(company: Company) -> None:
    company.scheduler.update_schedule(**company.kept)


def _queue(company: Company) -> str:
    answer = company.sqs.get_queue_url(QueueName="DelegatedRunbooksNotStarted")
    return str(answer["QueueUrl"])


_TAMPERED: dict[str, tuple[Change, Change, Harm, str]] = {
    "another default version": (
        lambda c: _new_version(c, _describe, default=True),
        _restore_document,
        Harm.ACCESS,
        f"document {RUNBOOK} in {REGION} runs version 2, whose content is not the one that was "
        "synthesized",
    ),
    "a version without the approval": (
        lambda c: _new_version(c, _without_approval, default=False),
        _restore_document,
        Harm.ACCESS,
        f"version 2 of document {RUNBOOK} in {REGION} still runs, without the limits of the "
        "default: approval at step approveRun",
    ),
    "a version with another role": (
        lambda c: _new_version(c, _other_role, default=False),
        _restore_document,
        Harm.ACCESS,
        f"version 2 of document {RUNBOOK} in {REGION} runs as {ARN}:role/OnCall, the default as "
        f"{ARN}:role/{ROLE}",
    ),
    "a version whose role is a parameter": (
        lambda c: _new_version(c, _role_of_starter, default=False),
        _restore_document,
        Harm.ACCESS,
        f"version 2 of document {RUNBOOK} in {REGION} runs as {ARN}:role/{{{{ Role }}}}, the "
        f"default as {ARN}:role/{ROLE}",
    ),
    "an older version that does more": (
        _older_that_does_more,
        _restore_document,
        Harm.ACCESS,
        f"version 2 of document {RUNBOOK} in {REGION} still runs, and does what the default does "
        "not: ec2:TerminateInstances",
    ),
    "a rule that starts the document": (
        _start_by_rule,
        _end_rule,
        Harm.ACCESS,
        f"rule Nightly in {REGION} starts document {RUNBOOK}",
    ),
    "a bucket of templates that others may write": (
        _open_bucket,
        lambda c: c.s3.delete_bucket(Bucket=BUCKET),
        Harm.ACCESS,
        f"the bucket {BUCKET}, from which templates are deployed, lets "
        "arn:aws:iam::444455556666:root (AWS) write",
    ),
    "a schedule that starts something else": (
        lambda c: _change_schedule(c, Input='{"DocumentName": "Other"}'),
        _restore_schedule,
        Harm.ACCESS,
        f"schedule Nightly in {REGION} starts something else than synthesized, or otherwise",
    ),
    "a schedule at another time": (
        lambda c: _reschedule(c, ScheduleExpression="rate(1 hour)"),
        _restore_schedule,
        Harm.FUNCTION,
        f"schedule Nightly in {REGION} has ScheduleExpression rate(1 hour), not cron(0 3 ? * SUN "
        "*)",
    ),
    "a schedule that is paused": (
        lambda c: _reschedule(c, State="DISABLED"),
        _restore_schedule,
        Harm.FUNCTION,
        f"schedule Nightly in {REGION} has State DISABLED, not ENABLED",
    ),
    "a schedule of no template": (
        lambda c: c.scheduler.create_schedule(**{**_schedule(c), "Name": "Mine"}),
        lambda c: c.scheduler.delete_schedule(Name="Mine", GroupName="DelegatedRunbooks"),
        Harm.ACCESS,
        f"schedule Mine in {REGION} is in the group DelegatedRunbooks, whose schedules start "
        "runbooks, and of no template",
    ),
    "a schedule that is gone": (
        lambda c: c.scheduler.delete_schedule(**_kept(c)),
        lambda c: c.scheduler.create_schedule(**c.kept),
        Harm.FUNCTION,
        f"schedule Nightly in {REGION} does not exist",
    ),
    "a start that was not made": (
        lambda c: c.sqs.send_message(QueueUrl=_queue(c), MessageBody="{}"),
        lambda c: c.sqs.purge_queue(QueueUrl=_queue(c)),
        Harm.FUNCTION,
        f"queue DelegatedRunbooksNotStarted in {REGION} holds 1 start of schedules that "
        "EventBridge Scheduler gave up",
    ),
    "a shared document": (
        lambda c: c.ssm.modify_document_permission(
            Name=RUNBOOK, PermissionType="Share", AccountIdsToAdd=["444455556666"]
        ),
        lambda c: c.ssm.modify_document_permission(
            Name=RUNBOOK, PermissionType="Share", AccountIdsToRemove=["444455556666"]
        ),
        Harm.ACCESS,
        f"document {RUNBOOK} in {REGION} is shared with accounts 444455556666",
    ),
    "a detached boundary": (
        lambda c: c.iam.delete_role_permissions_boundary(RoleName=ROLE),
        lambda c: c.iam.put_role_permissions_boundary(RoleName=ROLE, PermissionsBoundary=BOUNDARY),
        Harm.ACCESS,
        f"role {ROLE} has the permissions boundary none, not {BOUNDARY}",
    ),
    "another trust": (
        _trust_anybody,
        _restore_trust,
        Harm.ACCESS,
        f"the trust policy of role {ROLE} is not the one that was synthesized",
    ),
    "a policy on the service role": (
        lambda c: c.iam.attach_role_policy(RoleName=ROLE, PolicyArn=POLICY),
        lambda c: c.iam.detach_role_policy(RoleName=ROLE, PolicyArn=POLICY),
        Harm.ACCESS,
        f"role {ROLE} holds {POLICY}, which no template gives it",
    ),
    "an inline policy on the service role": (
        lambda c: c.iam.put_role_policy(
            RoleName=ROLE, PolicyName="More", PolicyDocument=allow("s3:GetObject")
        ),
        lambda c: c.iam.delete_role_policy(RoleName=ROLE, PolicyName="More"),
        Harm.ACCESS,
        f"role {ROLE} holds the inline policy More, which no template gives it",
    ),
    "an inline policy on a user": (
        lambda c: c.iam.put_user_policy(
            UserName=USER, PolicyName="More", PolicyDocument=allow("iam:PassRole")
        ),
        lambda c: c.iam.delete_user_policy(UserName=USER, PolicyName="More"),
        Harm.ACCESS,
        f"user {USER} holds the inline policy More, which no template gives it",
    ),
    "an inline policy on a group": (
        lambda c: c.iam.put_group_policy(
            GroupName=GROUP, PolicyName="More", PolicyDocument=allow("ec2:*")
        ),
        lambda c: c.iam.delete_group_policy(GroupName=GROUP, PolicyName="More"),
        Harm.ACCESS,
        f"group {GROUP} holds the inline policy More, which no template gives it",
    ),
    "another version of a policy": (
        _another_version,
        _restore_version,
        Harm.ACCESS,
        "policy OperatorRestrictedPermissions, version v2, is not the one that was synthesized",
    ),
    "a denial that was detached": (
        lambda c: c.iam.detach_group_policy(
            GroupName=GROUP, PolicyArn=f"{ARN}:policy/DenyOwnPermissionsInRunbooks"
        ),
        lambda c: c.iam.attach_group_policy(
            GroupName=GROUP, PolicyArn=f"{ARN}:policy/DenyOwnPermissionsInRunbooks"
        ),
        Harm.ACCESS,
        f"group {GROUP} does not hold DenyOwnPermissionsInRunbooks",
    ),
    "an existing role that lost its policy": (
        lambda c: c.iam.detach_role_policy(RoleName="OnCall", PolicyArn=POLICY),
        lambda c: c.iam.attach_role_policy(RoleName="OnCall", PolicyArn=POLICY),
        Harm.ACCESS,
        "role OnCall does not hold OperatorRestrictedPermissions",
    ),
    "a member who was added": (
        lambda c: (
            c.iam.create_user(UserName="mallory"),
            c.iam.add_user_to_group(UserName="mallory", GroupName=GROUP),
        ),
        lambda c: (
            c.iam.remove_user_from_group(UserName="mallory", GroupName=GROUP),
            c.iam.delete_user(UserName="mallory"),
        ),
        Harm.ACCESS,
        f"user mallory is in group {GROUP}, and no template puts them there",
    ),
    "a member who was removed": (
        lambda c: c.iam.remove_user_from_group(UserName=USER, GroupName=GROUP),
        lambda c: c.iam.add_user_to_group(UserName=USER, GroupName=GROUP),
        Harm.ACCESS,
        f"user {USER} is not in group {GROUP}",
    ),
    "the operators' policy on somebody else": (
        lambda c: (
            c.iam.create_user(UserName="mallory"),
            c.iam.attach_user_policy(UserName="mallory", PolicyArn=POLICY),
        ),
        lambda c: (
            c.iam.detach_user_policy(UserName="mallory", PolicyArn=POLICY),
            c.iam.delete_user(UserName="mallory"),
        ),
        Harm.ACCESS,
        "user mallory holds OperatorRestrictedPermissions, which no template gives it",
    ),
    "an identity provider for other clients": (
        lambda c: (_without_provider(c), _provider(c, CLIENT, "mine")),
        lambda c: (_without_provider(c), _provider(c, CLIENT)),
        Harm.ACCESS,
        f"identity provider {PROVIDER} serves the clients mine, {CLIENT}, not {CLIENT}",
    ),
    "an identity provider that was deleted": (
        lambda c: _without_provider(c),
        lambda c: _provider(c, CLIENT),
        Harm.FUNCTION,
        f"identity provider {PROVIDER} does not exist",
    ),
    "a rule that is off": (
        lambda c: c.events.disable_rule(Name=rule(c)),
        lambda c: c.events.enable_rule(Name=rule(c)),
        Harm.RECORD,
        f"rule AuditStack-Runs1 in {REGION} is DISABLED",
    ),
    "a rule without its target": (
        _remove_target,
        _restore_target,
        Harm.RECORD,
        f"rule AuditStack-Runs1 in {REGION} lacks the target Log",
    ),
    "a subscriber who was added": (
        lambda c: c.sns.subscribe(
            TopicArn=_topic(c), Protocol="email", Endpoint="mallory@example.com"
        ),
        lambda c: c.sns.unsubscribe(SubscriptionArn=_subscription(c, "mallory@example.com")),
        Harm.ACCESS,
        f"topic Topic of AuditStack in {REGION} also notifies mallory@example.com (email), which "
        "no template names",
    ),
    "a shorter record": (
        lambda c: c.logs.put_retention_policy(
            logGroupName="/aws/events/DelegatedRuns", retentionInDays=1
        ),
        lambda c: c.logs.put_retention_policy(
            logGroupName="/aws/events/DelegatedRuns", retentionInDays=365
        ),
        Harm.RECORD,
        f"log group /aws/events/DelegatedRuns in {REGION} keeps events for 1 days, not 365",
    ),
    "a log policy for everybody": (
        lambda c: c.logs.put_resource_policy(
            policyName="AuditStack",
            policyDocument=allow("logs:*").replace('"Action"', '"Principal": "*", "Action"'),
        ),
        lambda c: c.logs.put_resource_policy(
            policyName="AuditStack", policyDocument=json.dumps(_log_policy(c))
        ),
        Harm.ACCESS,
        f"the log groups' policy AuditStack in {REGION} is not as synthesized",
    ),
    "a policy of log groups that lets everybody in": (
        lambda c: c.logs.put_resource_policy(
            policyName="Open",
            policyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"AWS": ["*", f"{ARN}:root"]},
                            "Action": "logs:*",
                            "Resource": "*",
                        }
                    ],
                }
            ),
        ),
        lambda c: c.logs.delete_resource_policy(policyName="Open"),
        Harm.ACCESS,
        f"the log groups' policy Open in {REGION} lets in *",
    ),
    "a key that is off": (
        lambda c: c.kms.disable_key(KeyId=_key(c)),
        lambda c: c.kms.enable_key(KeyId=_key(c)),
        Harm.RECORD,
        f"key TopicKey of AuditStack in {REGION} is Disabled: nothing is reported by the topics "
        "that it encrypts",
    ),
    "a trail that was stopped": (
        lambda c: c.trails.stop_logging(Name="all"),
        lambda c: c.trails.start_logging(Name="all"),
        Harm.RECORD,
        f"no trail of CloudTrail records in {REGION}: changes of documents and access reach "
        "neither the log nor the topic",
    ),
}


def _log_policy(company: Company) -> Json:
    (stack,) = Assembly(company.assembly).named("AuditStack")
    (policy,) = [
        resource["Properties"]["PolicyDocument"]
        for resource in stack.template["Resources"].values()
        if resource["Type"] == "AWS::Logs::ResourcePolicy"
    ]
    text = policy["Fn::Sub"]
    for name, value in (("Partition", "aws"), ("Region", REGION), ("AccountId", ACCOUNT)):
        text = text.replace(f"${{AWS::{name}}}", value)
    found: Json = json.loads(text)
    return found


@pytest.mark.parametrize("case", _TAMPERED)
def test_tampering_is_found_and_named(company: Company, case: str) -> None:
    tamper, restore, harm, what = _TAMPERED[case]
    tamper(company)
    try:
        found = company.findings()
    finally:
        restore(company)

    assert [(each.harm, each.what.startswith(what)) for each in found] == [(harm, True)], found
