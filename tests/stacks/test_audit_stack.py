"""AuditStack: its rules, its log and its topic, whole; where it goes, and what it refuses."""

import json
from typing import Any

import pytest

from delegation.errors import DelegationError
from delegation.model import Audit, ExistingRole, IamUser, PermissionSet, Profile
from delegation.policies.event_patterns import PATTERN_CHARACTERS
from tests.stacks.synthesis import (
    OPERATOR,
    app_of,
    approved_by,
    deployment,
    of_many_runbooks,
    policy,
    resources,
    template,
)

_AUDITOR = IamUser("auditor")
_QUEUE = "arn:aws:sqs:us-east-1:111122223333:reported"
AUDIT = Audit(
    auditors=(_AUDITOR,),
    subscribers=("ops@example.com", "https://example.com/hook", _QUEUE),
    keep_days=90,
)
_LOG = {
    "Fn::Sub": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}"
    ":log-group:/aws/events/DelegatedRuns"
}
_TO_LOG = {"Id": "Log", "Arn": _LOG}


def _rules(json_: dict[str, Any]) -> list[dict[str, Any]]:
    """Each rule's pattern with the ids of its targets."""
    return [
        {**rule["EventPattern"], "targets": [target["Id"] for target in rule["Targets"]]}
        for rule in resources(json_, "AWS::Events::Rule")
    ]


def test_rules_are_for_runs_bad_ends_and_changes() -> None:
    stack = template("AuditStack", deployment(audit=AUDIT))

    call = "AWS API Call via CloudTrail"
    succeeded = {"errorCode": [{"exists": False}]}
    policies = [
        "OperatorOwnPassword",
        "DenyOwnPermissionsInRunbooks",
        "OperatorRestrictedPermissions",
        "AuditorRestrictedPermissions",
        "AutomationServiceRoleBoundary",
        "AutomationServiceRoleNeeds",
    ]
    arn = "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/"
    expected = [
        {
            "source": ["aws.ssm"],
            "detail-type": [
                "EC2 Automation Execution Status-change Notification",
                "EC2 Automation Step Status-change Notification",
            ],
            "detail": {"Definition": ["Restart-EC2InstanceDemo"]},
            "targets": ["Log"],
        },
        {
            "source": ["aws.ssm"],
            "detail-type": ["EC2 Automation Execution Status-change Notification"],
            "detail": {
                "Definition": ["Restart-EC2InstanceDemo"],
                "Status": [
                    *("Failed", "TimedOut", "Cancelled", "Canceled", "Rejected"),
                    *("CompletedWithFailure", "ChangeCalendarOverrideRejected"),
                ],
            },
            "targets": ["Topic"],
        },
        *(
            {
                "source": ["aws.ssm"],
                "detail-type": [call],
                "detail": {
                    "eventSource": ["ssm.amazonaws.com"],
                    **succeeded,
                    "requestParameters": {
                        parameter: [
                            "Restart-EC2InstanceDemo",
                            {"suffix": ":document/Restart-EC2InstanceDemo"},
                        ]
                    },
                },
                "targets": ["Log", "Topic"],
            }
            for parameter in ("name", "resourceId", "resourceArn")
        ),
        *(
            {
                "source": ["aws.iam"],
                "detail-type": [call],
                "detail": {
                    "eventSource": ["iam.amazonaws.com"],
                    **succeeded,
                    "requestParameters": {parameter: values},
                },
                "targets": ["Log", "Topic"],
            }
            for parameter, values in (
                ("roleName", ["AutomationServiceRole"]),
                ("policyArn", [{"Fn::Sub": f"{arn}{name}"} for name in policies]),
                ("policyName", policies),
                ("groupName", ["AutomationRestrictedOperators", "AutomationAuditors"]),
                ("userName", ["AutomationRestrictedOperator", "auditor"]),
            )
        ),
    ]
    assert expected == _rules(stack)
    conditions = {
        rule.get("Condition")
        for rule in stack["Resources"].values()
        if rule["Type"] == "AWS::Events::Rule"
    }
    assert conditions == {None, "ReceivesIamEvents"}
    homes = ["us-east-1", "cn-north-1", "us-gov-west-1"]
    assert stack["Conditions"] == {
        "ReceivesIamEvents": {
            "Fn::Or": [{"Fn::Equals": [{"Ref": "AWS::Region"}, home]} for home in homes]
        }
    }


def test_log_is_written_by_rules_of_this_stack_alone() -> None:
    stack = template("AuditStack", deployment(audit=AUDIT))

    group = (
        "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}"
        ":log-group:/aws/events/DelegatedRuns:*"
    )
    services = {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]}
    rules = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/AuditStack-*"
    assert resources(stack, "AWS::Logs::LogGroup") == [
        {"LogGroupName": "/aws/events/DelegatedRuns", "RetentionInDays": 90}
    ]
    (written,) = resources(stack, "AWS::Logs::ResourcePolicy")
    assert written["PolicyName"] == "AuditStack"
    assert json.loads(written["PolicyDocument"]["Fn::Sub"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "LetEventsOpenStreams",
                "Effect": "Allow",
                "Principal": services,
                "Action": "logs:CreateLogStream",
                "Resource": group,
            },
            {
                "Sid": "LetRulesWrite",
                "Effect": "Allow",
                "Principal": services,
                "Action": "logs:PutLogEvents",
                "Resource": group,
                "Condition": {"ArnLike": {"aws:SourceArn": rules}},
            },
        ],
    }


def test_topic_is_encrypted_with_a_key_that_eventbridge_may_use() -> None:
    stack = template("AuditStack", deployment(audit=AUDIT))

    topic = {"Ref": "Topic"}
    assert resources(stack, "AWS::SNS::Topic") == [
        {
            "DisplayName": "Delegated runbooks",
            "KmsMasterKeyId": {"Ref": "TopicKey"},
            "Subscription": [
                {"Protocol": "email", "Endpoint": "ops@example.com"},
                {"Protocol": "https", "Endpoint": "https://example.com/hook"},
                {"Protocol": "sqs", "Endpoint": _QUEUE},
            ],
        }
    ]
    assert resources(stack, "AWS::SNS::TopicPolicy") == [
        {
            "Topics": [topic],
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "LetEventsPublish",
                        "Effect": "Allow",
                        "Principal": {"Service": "events.amazonaws.com"},
                        "Action": "sns:Publish",
                        "Resource": topic,
                    },
                    {
                        "Sid": "RefuseWithoutTls",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "sns:Publish",
                        "Resource": topic,
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    },
                ],
            },
        }
    ]
    (key,) = resources(stack, "AWS::KMS::Key")
    assert key["EnableKeyRotation"] is True
    assert key["KeyPolicy"]["Statement"] == [
        {
            "Sid": "LetAccountManage",
            "Effect": "Allow",
            "Principal": {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Sid": "LetEventsEncrypt",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "*",
        },
    ]


def test_only_these_types_come_in() -> None:
    stack = template("AuditStack", deployment(audit=AUDIT))

    assert {resource["Type"] for resource in stack["Resources"].values()} == {
        "AWS::Events::Rule",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::Logs::ResourcePolicy",
        "AWS::SNS::Topic",
        "AWS::SNS::TopicPolicy",
    }


def test_auditors_policy_reads_runs_and_the_event_history() -> None:
    stack = template("AdministrationStack", deployment(audit=AUDIT))

    ssm = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}"
    group = _LOG["Fn::Sub"]
    held = policy(stack, "AuditorRestrictedPermissions")
    assert held["PolicyDocument"]["Statement"] == [
        {
            "Sid": "ListRunbooksAndExecutions",
            "Effect": "Allow",
            "Action": ["ssm:DescribeAutomationExecutions", "ssm:ListDocuments"],
            "Resource": ["*"],
        },
        {
            "Sid": "ReadExecutions",
            "Effect": "Allow",
            "Action": ["ssm:DescribeAutomationStepExecutions", "ssm:GetAutomationExecution"],
            "Resource": [{"Fn::Sub": f"{ssm}:automation-execution/*"}],
        },
        {
            "Sid": "ReadRunbooks",
            "Effect": "Allow",
            "Action": ["ssm:GetDocument"],
            "Resource": [{"Fn::Sub": f"{ssm}:document/*"}],
        },
        {
            "Sid": "ListRoles",
            "Effect": "Allow",
            "Action": ["iam:ListRoles"],
            "Resource": ["*"],
        },
        {
            "Sid": "ReadEventHistory",
            "Effect": "Allow",
            "Action": ["cloudtrail:LookupEvents"],
            "Resource": ["*"],
        },
        {
            "Sid": "ReadLogOfRuns",
            "Effect": "Allow",
            "Action": ["logs:FilterLogEvents"],
            "Resource": [{"Fn::Sub": group}, {"Fn::Sub": f"{group}:*"}],
        },
    ]


def test_deployment_without_audit_has_no_trail_and_no_auditors() -> None:
    app = app_of(deployment())

    assert [child.node.id for child in app.node.children if "Stack" in child.node.id] == [
        "AdministrationStack",
        "RunbooksStack",
    ]
    administration = template("AdministrationStack", deployment())
    assert "Auditor" not in json.dumps(administration)


def test_iam_is_heard_of_in_its_home_region_whichever_regions_are_deployed_to() -> None:
    place = {"account": "111122223333", "regions": ("eu-west-1", "eu-central-1")}
    wanted = deployment(audit=AUDIT, **place)
    ids = [child.node.id for child in app_of(wanted).node.children]

    assert [id_ for id_ in ids if id_.startswith("AuditStack")] == [
        "AuditStack-111122223333-eu-west-1",
        "AuditStack-111122223333-eu-central-1",
        "AuditStack-111122223333-us-east-1",
    ]
    sources = {
        region: {
            rule["source"][0]
            for rule in _rules(template(f"AuditStack-111122223333-{region}", wanted))
        }
        for region in ("eu-west-1", "us-east-1")
    }
    assert sources == {"eu-west-1": {"aws.ssm"}, "us-east-1": {"aws.iam"}}


def test_many_runbooks_are_split_over_rules_that_fit() -> None:
    wanted, runbooks = of_many_runbooks(120, audit=AUDIT)
    stack = template("AuditStack", wanted, runbooks=runbooks)

    patterns = [rule["EventPattern"] for rule in resources(stack, "AWS::Events::Rule")]
    named = [
        n for p in patterns for n in p["detail"].get("Definition", ()) if len(p["detail"]) == 1
    ]
    assert named == list(wanted.runbooks)
    texts = [json.dumps(pattern, separators=(",", ":")) for pattern in patterns]
    lengths = [len(text) - text.count('{"Fn::Sub":') * len('{"Fn::Sub":}') for text in texts]
    assert 1900 < max(lengths) <= PATTERN_CHARACTERS


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Audit(auditors=()), "an Audit needs at least one auditor (deployments.py)"),
        (
            lambda: Audit(
                auditors=(_AUDITOR,), subscribers=("https://hooks.slack.com/services/T/B/x",)
            ),
            "subscriber 'https://hooks.slack.com/services/T/B/x' is a chat's webhook, which cannot "
            "confirm a subscription of SNS; leave it out and connect the topic of the stack in "
            "Amazon Q Developer in chat applications (docs/auditors.md) (deployments.py)",
        ),
        (
            lambda: Audit(auditors=(_AUDITOR,), subscribers=("https://x.webhook.office.com/a",)),
            "subscriber 'https://x.webhook.office.com/a' is a chat's webhook, which cannot "
            "confirm a subscription of SNS; leave it out and connect the topic of the stack in "
            "Amazon Q Developer in chat applications (docs/auditors.md) (deployments.py)",
        ),
        (
            lambda: Audit(auditors=(_AUDITOR,), subscribers=(f"{_QUEUE}.fifo",)),
            f"subscriber '{_QUEUE}.fifo' is a FIFO queue, to which a standard topic cannot send; "
            "name a standard queue (deployments.py)",
        ),
        (
            lambda: Audit(auditors=(_AUDITOR,), subscribers=("nobody",)),
            "subscriber 'nobody' is not an e-mail address, no https:// address without credentials "
            "and no ARN of an SQS queue (deployments.py)",
        ),
        (
            lambda: Audit(auditors=(_AUDITOR,), subscribers=("https://me:secret@example.com/",)),
            "subscriber 'https://me:secret@example.com/' is not an e-mail address, no https:// "
            "address "
            "without credentials and no ARN of an SQS queue (deployments.py)",
        ),
        (
            lambda: deployment(audit=Audit(auditors=(OPERATOR,))),
            "'AutomationRestrictedOperator' is an operator and an auditor; nobody may audit what "
            "they start (deployments.py)",
        ),
        (
            lambda: deployment(
                audit=Audit(auditors=(ExistingRole("Leads"),)),
                service_roles=(approved_by(ExistingRole("Leads")),),
            ),
            "'Leads' is an approver and an auditor; nobody may audit what they approve "
            "(deployments.py)",
        ),
        (
            lambda: deployment(audit="yes"),
            "audit 'yes' is not an Audit (deployments.py)",
        ),
        (
            lambda: deployment(profile=Profile.GUIDE, audit=AUDIT),
            "the guide profile is the guide's alone: one IamUser as operator, one service role "
            "with one runbook, no teams, no authors, no pipeline, no audit, no limits, no volume "
            "keys, no account, no regions, no permissions boundary, no MFA, no CLI sign-in, no "
            "name prefix, no path, no own executions and no schedules (deployments.py)",
        ),
    ],
)
def test_bad_values_are_refused(make: Any, message: str) -> None:
    with pytest.raises(DelegationError) as refused:
        make()

    assert str(refused.value) == message


def test_period_that_logs_does_not_know_is_refused() -> None:
    with pytest.raises(DelegationError, match=r"^keep_days 100 is none of CloudWatch Logs'"):
        Audit(auditors=(PermissionSet("Auditors"),), keep_days=100)
