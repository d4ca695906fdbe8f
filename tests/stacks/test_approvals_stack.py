"""Topics on which approvers are notified, made on request."""

from pathlib import Path
from typing import Any

import pytest

from delegation.errors import DelegationError
from delegation.model import (
    Approval,
    Audit,
    Deployment,
    GitHubPipeline,
    IamUser,
    Profile,
    ServiceRole,
)
from review.access_review import review
from review.iam.engine import Engine
from review.lock.facts import Table, facts_of
from review.templates.assembly import given_environment, read_templates
from review.templates.cloud_assembly import Assembly
from tests.stacks.synthesis import RUNBOOK, app_of, deployment, resources, template, written

_TOPIC = "AutomationApprovalsOfPatch"


def _wanted(*subscribers: str, **changes: Any) -> Deployment:
    approval = Approval(by=(IamUser("lead"),), notify=subscribers)
    role = ServiceRole(name="Patch", runbooks=(RUNBOOK,), approval=approval)
    return deployment(service_roles=(role,), **changes)


def test_topic_is_encrypted_takes_tls_alone_and_notifies_whom_it_should() -> None:
    stack = template("ApprovalsStack", _wanted("lead@example.com", "https://example.com/hook"))

    (topic,) = resources(stack, "AWS::SNS::Topic")
    assert topic == {
        "DisplayName": "Runbooks that wait for approval",
        "KmsMasterKeyId": "alias/aws/sns",
        "Subscription": [
            {"Endpoint": "lead@example.com", "Protocol": "email"},
            {"Endpoint": "https://example.com/hook", "Protocol": "https"},
        ],
        "TopicName": _TOPIC,
    }
    (policy,) = resources(stack, "AWS::SNS::TopicPolicy")
    (ref,) = policy["Topics"]
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Sid": "RefuseWithoutTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sns:Publish",
            "Resource": ref,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]


def test_approval_step_and_role_name_the_topic_of_their_region() -> None:
    wanted = _wanted("lead@example.com")
    arn = {"Fn::Sub": f"arn:${{AWS::Partition}}:sns:${{AWS::Region}}:${{AWS::AccountId}}:{_TOPIC}"}

    (document,) = resources(template("RunbooksStack", wanted), "AWS::SSM::Document")
    boundaries = str(template("AdministrationStack", wanted))

    assert document["Content"]["mainSteps"][0]["inputs"]["NotificationArn"] == arn
    assert str(arn) in boundaries


def test_stack_goes_to_each_region_before_the_runbooks_and_the_pipeline_deploys_it(
    tmp_path: Path,
) -> None:
    wanted = _wanted(
        "lead@example.com",
        account="111122223333",
        regions=("eu-west-1", "eu-central-1"),
        pipeline=GitHubPipeline(repositories=("octo-org/runbooks",)),
    )

    assembly = Assembly(written(wanted, tmp_path))

    stacks = assembly.named("ApprovalsStack")
    assert [stack.region for stack in stacks] == ["eu-west-1", "eu-central-1"]
    for stack in assembly.named("RunbooksStack"):
        (artifact,) = [found for id_, found in assembly.stack_artifacts() if id_ == stack.id]
        assert f"ApprovalsStack-111122223333-{stack.region}" in artifact["dependencies"]
    (pipeline,) = assembly.named("PipelineStack")
    deploying = "cdk-hnb659fds-deploy-role-${AWS::AccountId}-eu-central-1"
    assert deploying in str(pipeline.template)


@pytest.mark.parametrize("audit", [None, Audit(auditors=(IamUser("auditor"),))])
def test_review_shows_whom_a_topic_notifies_and_takes_it_for_no_audit(
    tmp_path: Path, audit: Audit | None
) -> None:
    wanted = _wanted(
        "lead@example.com", account="111122223333", regions=("us-east-1", "us-west-2"), audit=audit
    )
    app_of(wanted, folder=tmp_path).synth()

    with Engine() as engine:
        reviewed = review(engine, read_templates(tmp_path, given_environment()))

    assert not reviewed.violated
    (account,) = reviewed.accounts
    assert any(i.id.startswith("audit-") for i in account.invariants) == bool(audit)
    (facts,) = facts_of(reviewed)
    notified = {row for row in facts.rows[Table.RECEIVERS] if "lead@example.com" in str(row)}
    assert len(notified) == 2


def test_nobody_is_notified_where_nobody_is_named() -> None:
    app = app_of(deployment())

    assert app.node.try_find_child("ApprovalsStack") is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: _wanted(),
            "notify of an approval is empty; leave it out to notify nobody (deployments.py)",
        ),
        (
            lambda: _wanted("lead"),
            "subscriber 'lead' is not an e-mail address, no https:// address without credentials "
            "and no ARN of an SQS queue (deployments.py)",
        ),
        (
            lambda: _wanted("a@example.com", "a@example.com"),
            "subscriber 'a@example.com' is named 2 times; name it once (deployments.py)",
        ),
        (
            lambda: Approval(by=(IamUser("lead"),), notify="Topic"),
            "notify of an approval is 'Topic', neither a tuple of addresses nor the name of an SNS "
            "topic that begins with Automation: letters, digits or _-, at most 256 "
            "(deployments.py)",
        ),
        (lambda: _wanted("a@example.com", profile=Profile.GUIDE), None),
    ],
)
def test_bad_notifications_are_refused(make: Any, message: str | None) -> None:
    with pytest.raises(DelegationError) as refused:
        make()

    assert message is None or str(refused.value) == message
