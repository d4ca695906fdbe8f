"""Who can do what: the exact set of every person, over every action that AWS has."""

from pathlib import Path
from typing import Any

import pytest

from delegation.model import Deployment
from review.access.effective_access import requester_of
from review.access.grants import Access
from review.access_review import AccountReview, review
from review.escalation import escalation_paths
from review.iam.engine import Engine, Request
from review.invariants.invariant import Verdict
from review.model.account import Persona
from review.templates.assembly import read_templates
from review.templates.cloud_assembly import Assembly
from tests.review.conftest import DEFAULT, ENVIRONMENT, EVERYTHING, GUIDE, Synthesize
from tests.stacks.synthesis import deployment, written

_SSM = "arn:aws:ssm:us-east-1:111122223333"
_IAM = "arn:aws:iam::111122223333"
_CFN = "arn:aws:cloudformation:us-east-1:111122223333:stack/RunbooksStack/*"
_STAGED = "arn:aws:s3:::cdk-hnb659fds-assets-111122223333-us-east-1"
_RUNBOOK = f"{_SSM}:document/Restart-EC2InstanceDemo"
_EXECUTION_ROLE = (f"cloudformation:RoleArn ArnEquals {_IAM}:role/AuthorExecutionRole",)

_NOT_BY_A_RUNBOOK = (
    "(aws:CalledVia Null true or aws:CalledVia ForAllValues:StringNotEquals ssm.amazonaws.com)",
)
_OPERATOR = {
    ("iam:ChangePassword", f"{_IAM}:user/AutomationRestrictedOperator", _NOT_BY_A_RUNBOOK),
    ("iam:GetAccountPasswordPolicy", "*", _NOT_BY_A_RUNBOOK),
    ("ssm:DescribeAutomationExecutions", "*", ()),
    ("ssm:DescribeAutomationStepExecutions", f"{_SSM}:automation-execution/*", ()),
    ("ssm:DescribeDocument", _RUNBOOK, ()),
    ("ssm:GetAutomationExecution", f"{_SSM}:automation-execution/*", ()),
    ("ssm:GetDocument", _RUNBOOK, ()),
    ("ssm:ListDocumentVersions", _RUNBOOK, ()),
    ("ssm:ListDocuments", "*", ()),
    ("ssm:StartAutomationExecution", _RUNBOOK, ()),
    (
        "ssm:StartAutomationExecution",
        f"{_SSM}:automation-definition/Restart-EC2InstanceDemo:*",
        (),
    ),
    ("ssm:StartAutomationExecution", f"{_SSM}:automation-execution/*", ()),
}
_SERVICE_ROLE = {
    ("ec2:DescribeInstanceStatus", "*", ()),
    ("ec2:StartInstances", "arn:aws:ec2:us-east-1:111122223333:instance/*", ()),
    ("ec2:StopInstances", "arn:aws:ec2:us-east-1:111122223333:instance/*", ()),
}
_AUTHOR = {
    ("sts:AssumeRole", f"{_IAM}:role/AuthorDeploymentRole", ()),
    ("sts:AssumeRole", f"{_IAM}:role/AuthorPublishingRole", ()),
}
_AUTHOR_DEPLOYMENT = {
    *(
        (f"cloudformation:{call}", _CFN, ())
        for call in (
            *("DeleteChangeSet", "DeleteStack", "DescribeChangeSet", "DescribeStackEvents"),
            *("DescribeStackResources", "DescribeStacks", "ExecuteChangeSet", "GetTemplate"),
        )
    ),
    ("cloudformation:ContinueUpdateRollback", _CFN, _EXECUTION_ROLE),
    ("cloudformation:CreateChangeSet", _CFN, _EXECUTION_ROLE),
    ("cloudformation:RollbackStack", _CFN, _EXECUTION_ROLE),
    (
        "iam:PassRole",
        f"{_IAM}:role/AuthorExecutionRole",
        ("iam:PassedToService StringEquals cloudformation.amazonaws.com",),
    ),
    ("s3:GetObject", f"{_STAGED}/runbooks/*", ()),
    ("ssm:GetParameter", f"{_SSM}:parameter/cdk-bootstrap/hnb659fds/version", ()),
    ("ssm:GetParameters", f"{_SSM}:parameter/cdk-bootstrap/hnb659fds/version", ()),
}
_AUTHOR_PUBLISHING = {
    ("s3:AbortMultipartUpload", f"{_STAGED}/runbooks/*", ()),
    ("s3:GetObject", f"{_STAGED}/runbooks/*", ()),
    ("s3:PutObject", f"{_STAGED}/runbooks/*", ()),
    ("s3:GetBucketLocation", _STAGED, ()),
    ("s3:GetEncryptionConfiguration", _STAGED, ()),
    ("s3:ListBucket", _STAGED, ("s3:prefix StringLike runbooks/*",)),
}
_AUTHOR_EXECUTION = {
    *(
        (f"ssm:{call}", _RUNBOOK, ())
        for call in (
            *("AddTagsToResource", "CreateDocument", "DeleteDocument", "DescribeDocument"),
            *("GetDocument", "ListTagsForResource", "RemoveTagsFromResource", "UpdateDocument"),
            "UpdateDocumentDefaultVersion",
        )
    ),
    (
        "iam:PassRole",
        f"{_IAM}:role/AutomationServiceRole",
        ("iam:PassedToService StringEquals ssm.amazonaws.com",),
    ),
}


def _review(engine: Engine, synthesize: Synthesize, deployment: Deployment) -> AccountReview:
    (account,) = review(engine, synthesize(deployment)).accounts
    return account


def _sets(account: AccountReview) -> dict[str, set[tuple[str, str, tuple[str, ...]]]]:
    return {
        access.principal.title: {(g.action, g.resource, g.conditions) for g in access.grants}
        for access in account.accesses
    }


def test_default_deployment_lets_two_principals_do_exactly_this(
    engine: Engine, synthesize: Synthesize
) -> None:
    assert _sets(_review(engine, synthesize, DEFAULT)) == {
        "operator AutomationRestrictedOperator": _OPERATOR,
        "service role AutomationServiceRole": _SERVICE_ROLE,
    }


def test_author_can_do_exactly_this(
    engine: Engine, synthesize: Synthesize, default_with_author: Deployment
) -> None:
    assert _sets(_review(engine, synthesize, default_with_author)) == {
        "operator AutomationRestrictedOperator": _OPERATOR,
        "author author": _AUTHOR,
        "author role AuthorDeploymentRole": _AUTHOR_DEPLOYMENT,
        "author role AuthorExecutionRole": _AUTHOR_EXECUTION,
        "author role AuthorPublishingRole": _AUTHOR_PUBLISHING,
        "service role AutomationServiceRole": _SERVICE_ROLE,
    }


def test_guide_lets_the_operator_do_the_guides_eight_on_everything(
    engine: Engine, synthesize: Synthesize
) -> None:
    operator = _sets(_review(engine, synthesize, GUIDE))["operator AutomationRestrictedOperator"]

    eight = {
        *("ssm:DescribeAutomationExecutions", "ssm:DescribeAutomationStepExecutions"),
        *("ssm:DescribeDocument", "ssm:GetAutomationExecution", "ssm:GetDocument"),
        *("ssm:ListDocuments", "ssm:ListDocumentVersions", "ssm:StartAutomationExecution"),
    }
    own = {g for g in _OPERATOR if g[0].startswith("iam:")}
    assert operator == own | {(action, "*", ()) for action in eight}


def _swept(engine: Engine, access: Access) -> set[str]:
    """The actions allowed on anything, each of all actions asked; engine errors raise."""
    requests = [Request(action.name, "*", {}) for action in engine.actions()]
    answers = engine.decide(requester_of(access.principal, "111122223333"), requests, discover=True)
    return {r.action for r, a in zip(requests, answers, strict=True) if a.is_allowed}


def test_sweep_over_every_action_finds_what_the_shortcut_found(
    engine: Engine, synthesize: Synthesize
) -> None:
    (operator, _) = _review(engine, synthesize, DEFAULT).accesses
    (_, guides_role) = _review(engine, synthesize, GUIDE).accesses

    assert len(engine.actions()) > 22_000
    for access in (operator, guides_role):
        swept = _swept(engine, access)
        assert access.known == len(engine.actions())
        # AmazonSSMAutomationRole names it on sessions; the data does not know that it takes any.
        assert set(access.allowed_actions) - swept <= {"ssmmessages:OpenDataChannel"}
        # The engine knows that AWS denies nobody to ask who they are.
        assert swept - set(access.allowed_actions) == {"sts:GetCallerIdentity"}
    assert len(guides_role.allowed_actions) > 180


_PROMISED = {
    DEFAULT: [
        "operators-start-approved-runbooks",
        "operators-follow-approved-runbooks",
        "operators-touch-nothing",
        "operators-hold-no-role",
        "operators-write-nothing",
        "operators-approve-nothing",
        "operators-lend-nothing",
        "runbooks-run-as-service-roles",
        "AutomationServiceRole-does-what-runbooks-need",
        "AutomationServiceRole-is-assumed-by-automation",
        "users-change-own-password",
        "nobody-widens-own-rights",
        "duties-are-separate",
        "everybody-has-a-part",
        "holds-for-tomorrow",
    ],
    EVERYTHING: [
        "operators-start-approved-runbooks",
        "operators-follow-approved-runbooks",
        "operators-touch-nothing",
        "operators-hold-no-role",
        "operators-write-nothing",
        "operators-approve-nothing",
        "operators-lend-nothing",
        "operators-approve-nothing-whatever-else",
        "approvers-approve-and-start-nothing",
        "approvers-start-nothing-whatever-else",
        "auditors-read-and-change-nothing",
        "runbooks-run-as-service-roles",
        "runbooks-begin-with-their-limits",
        "AutomationImageRole-does-what-runbooks-need",
        "AutomationImageRole-is-assumed-by-automation",
        "AutomationServiceRole-does-what-runbooks-need",
        "AutomationServiceRole-acts-on-tagged-instances",
        "AutomationServiceRole-is-assumed-by-automation",
        "authors-run-nothing",
        "authors-write-these-runbooks",
        "authors-pass-service-roles-to-automation",
        "authors-deploy-runbooks-stack",
        "author-roles-are-the-authors",
        "audit-receives-everything",
        "audit-is-delivered",
        "users-change-own-password",
        "nobody-widens-own-rights",
        "duties-are-separate",
        "everybody-has-a-part",
        "holds-for-tomorrow",
    ],
}


@pytest.mark.parametrize("deployment", [DEFAULT, EVERYTHING], ids=["default", "everything"])
def test_every_promise_is_made_and_kept(
    engine: Engine, synthesize: Synthesize, deployment: Deployment
) -> None:
    account = _review(engine, synthesize, deployment)

    assert {p.id: p.verdict for p in account.invariants} == dict.fromkeys(
        _PROMISED[deployment], Verdict.HOLDS
    )
    assert all(access.grants for access in account.accesses)


@pytest.mark.parametrize("qualifier", ["acme-prod", "a-b-c", "Acme_1"])
def test_bootstrap_may_have_any_qualifier_that_cdk_takes(
    engine: Engine, tmp_path: Path, default_with_author: Deployment, qualifier: str
) -> None:
    context = {"@aws-cdk/core:bootstrapQualifier": qualifier}
    folder = written(default_with_author, tmp_path, context)

    (account,) = review(engine, read_templates(folder, ENVIRONMENT)).accounts

    assert {p.verdict for p in account.invariants} == {Verdict.HOLDS}
    assert f"cdk-{qualifier}-assets" in Assembly(folder).stacks[0].bucket
    assert Assembly(folder).digest


@pytest.mark.parametrize("deployment", [DEFAULT, EVERYTHING], ids=["default", "everything"])
def test_no_effective_allow_names_actions_by_a_pattern(
    engine: Engine, synthesize: Synthesize, deployment: Deployment
) -> None:
    """Closed world: what the sweep denies stays denied for what AWS has yet to invent."""
    accesses = _review(engine, synthesize, deployment).accesses

    assert {a.principal.name: a.open_actions for a in accesses if a.open_actions} == {}


def test_guides_review_says_plainly_what_its_wildcards_allow(
    engine: Engine, synthesize: Synthesize
) -> None:
    account = _review(engine, synthesize, GUIDE)

    violated = {p.id: p.findings for p in account.invariants if p.verdict is Verdict.VIOLATED}
    assert list(violated) == [
        "operators-start-approved-runbooks",
        "operators-follow-approved-runbooks",
        "AutomationServiceRole-does-what-runbooks-need",
        "AutomationServiceRole-is-assumed-by-automation",
        "nobody-widens-own-rights",
        "duties-are-separate",
        "holds-for-tomorrow",
    ]
    assert violated["operators-start-approved-runbooks"][0] == (
        "AutomationRestrictedOperator may start every runbook of this account in every Region, "
        "AWS's own, and those that other accounts share with it, each under whichever role is "
        "embedded in it (by OperatorRestrictedPermissions/RunAutomationWorkflows)"
    )
    assert violated["holds-for-tomorrow"] == (
        "AutomationServiceRole is granted ssm:*, with whatever AWS adds to it",
    )


def _openings(account: AccountReview) -> set[tuple[Any, ...]]:
    return {(way.path.id, way.who, way.reach.value, way.leads_to) for way in account.open_paths}


def test_ways_to_more_power_lead_no_further_than_the_service_role(
    engine: Engine, synthesize: Synthesize, default_with_author: Deployment
) -> None:
    assert len(escalation_paths()) > 110
    operator, author = "operator AutomationRestrictedOperator", "author author"
    execution = "author role AuthorExecutionRole"
    service = ("AutomationServiceRole",)

    assert _openings(_review(engine, synthesize, DEFAULT)) == {
        ("ssm-own-01", (operator,), "as far as", service)
    }
    assert _openings(_review(engine, synthesize, default_with_author)) == {
        ("ssm-own-01", (operator,), "as far as", service),
        ("ssm-003", (operator, execution), "as far as", service),
        ("ssm-own-03b", (operator, execution), "as far as", service),
        ("ssm-own-04", (execution,), "as far as", service),
        ("ssm-own-06", (execution,), "as far as", service),
        (
            "cloudformation-005",
            ("author role AuthorDeploymentRole",),
            "as far as",
            ("AuthorExecutionRole",),
        ),
        ("sts-001", (author,), "as far as", ("AuthorDeploymentRole", "AuthorPublishingRole")),
    }


def test_guides_wildcard_lets_the_operator_borrow_any_role(
    engine: Engine, synthesize: Synthesize
) -> None:
    open_path_rows = _openings(_review(engine, synthesize, GUIDE))

    assert (
        "ssm-own-01",
        ("operator AutomationRestrictedOperator",),
        "open",
        ("*",),
    ) in open_path_rows


def test_every_permission_of_every_path_is_an_action_that_aws_has(engine: Engine) -> None:
    unknown = {
        permission
        for path in escalation_paths()
        for permission in path.permissions
        if engine.actions().get(permission) is None
    }

    assert unknown == set()


def test_decisions_of_the_promises_are_of_everybody_and_of_both_kinds(
    engine: Engine, synthesize: Synthesize
) -> None:
    account = _review(engine, synthesize, EVERYTHING)
    decisions = [d for p in account.invariants for d in p.decisions]

    assert {d.expected for d in decisions} == {True, False}
    assert {p.arn for p in account.account.principals} <= {d.who for d in decisions}


def test_accounts_of_two_partitions_are_reviewed_apart(
    engine: Engine, synthesize: Synthesize
) -> None:
    pipeline = "arn:aws:iam::999988887777:role/Pipeline"
    first = deployment(
        account="111122223333", regions=("eu-west-1", "us-east-1"), authors=(pipeline,)
    )
    second = deployment(account="444455556666", regions=("us-gov-west-1",))

    one, two = review(engine, (*synthesize(first), *synthesize(second))).accounts

    assert [p.id for a in (one, two) for p in a.invariants if p.verdict is not Verdict.HOLDS] == []
    assert one.account.regions == ("eu-west-1", "us-east-1")
    (author,) = [a for a in one.accesses if a.principal.persona is Persona.AUTHOR]
    assert {(g.resource, g.conditions) for g in author.grants} == {
        (f"{_IAM}:role/{role}", ("its own account allows it",))
        for role in ("AuthorDeploymentRole", "AuthorPublishingRole")
    }
    (role,) = [a for a in two.accesses if a.principal.persona is Persona.SERVICE_ROLE]
    assert {grant.resource for grant in role.grants} == {
        "*",
        "arn:aws-us-gov:ec2:us-gov-west-1:444455556666:instance/*",
    }
