"""Teams that share an account: none can start or read what is another's."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from delegation.deployment.deployment import check_deployments
from delegation.errors import DelegationError
from delegation.model import (
    Approval,
    Deployment,
    ExistingRole,
    IamUser,
    PermissionSet,
    Profile,
    ServiceRole,
    Team,
)
from delegation.runbooks.runbook import Runbook, load_runbooks
from review.access_review import review
from review.iam.engine import Engine
from review.invariants.invariant import Verdict
from review.templates.assembly import given_environment, read_templates
from sandbox import Sandbox
from tests.clone import PROJECT
from tests.stacks.deployed import deploy, remove
from tests.stacks.synthesis import RUNBOOK, app_of, deployment, policy, resources, template

_SOURCE = load_runbooks([RUNBOOK])[RUNBOOK]
_RUNBOOKS: dict[str, Runbook] = {
    name: replace(_SOURCE, name=name) for name in ("Restart-Desk", "Restart-Data", "Restart-Both")
}


def _team(name: str, *operators: Any, runbook: str, **limits: Any) -> Team:
    role = ServiceRole(name=f"{name}Role", runbooks=(runbook,), **limits)
    return Team(name=name, operators=operators, service_roles=(role,))


_DESK = _team("HelpDesk", IamUser("alice"), IamUser("both"), runbook="Restart-Desk")
_DATA = _team(
    *("Database", IamUser("bob"), IamUser("both"), ExistingRole("OnCall")),
    runbook="Restart-Data",
    approval=Approval(by=(IamUser("lead"),)),
)
_TEAMS = deployment(operators=(), service_roles=(), teams=(_DESK, _DATA))


def test_policies_and_groups_carry_the_teams_name() -> None:
    stack = template("AdministrationStack", _TEAMS, runbooks=_RUNBOOKS)

    groups = {
        id_: resource["Properties"]["GroupName"]
        for id_, resource in stack["Resources"].items()
        if resource["Type"] == "AWS::IAM::Group"
    }
    members = {
        user["UserName"]: [groups[group["Ref"]] for group in user["Groups"]]
        for user in resources(stack, "AWS::IAM::User")
    }
    assert members == {
        "alice": ["AutomationRestrictedOperatorsHelpDesk"],
        "bob": ["AutomationRestrictedOperatorsDatabase"],
        "both": [
            "AutomationRestrictedOperatorsHelpDesk",
            "AutomationRestrictedOperatorsDatabase",
        ],
        "lead": ["AutomationApproversDatabase"],
    }
    held = {
        p["ManagedPolicyName"]: ([groups[g["Ref"]] for g in p.get("Groups", ())], p.get("Roles"))
        for p in resources(stack, "AWS::IAM::ManagedPolicy")
        if "Boundary" not in p["ManagedPolicyName"]
    }
    operators = [
        "AutomationRestrictedOperatorsHelpDesk",
        "AutomationRestrictedOperatorsDatabase",
    ]
    assert held == {
        "OperatorRestrictedPermissionsHelpDesk": (operators[:1], None),
        "OperatorRestrictedPermissionsDatabase": (operators[1:], ["OnCall"]),
        "ApproverRestrictedPermissionsDatabase": (["AutomationApproversDatabase"], None),
        "DenyOwnPermissionsInRunbooks": (operators, None),
        "OperatorOwnPassword": ([*operators, "AutomationApproversDatabase"], None),
    }


def test_team_without_a_name_keeps_the_guides_names() -> None:
    alone = template("AdministrationStack", deployment(), runbooks=None)
    beside = template(
        "AdministrationStack",
        deployment(teams=(_DESK,)),
        runbooks={
            **_RUNBOOKS,
            RUNBOOK: _SOURCE,
        },
    )

    name = "OperatorRestrictedPermissions"
    assert policy(beside, name)["PolicyDocument"] == policy(alone, name)["PolicyDocument"]
    assert policy(beside, f"{name}HelpDesk")
    kept = {id_ for id_, r in alone["Resources"].items() if r["Type"] != "AWS::CDK::Metadata"}
    assert kept <= beside["Resources"].keys()


def test_review_proves_that_no_team_reaches_anothers_runbooks(tmp_path: Path) -> None:
    app_of(_TEAMS, runbooks=_RUNBOOKS, folder=tmp_path).synth()

    with Engine() as engine:
        (reviewed,) = review(engine, read_templates(tmp_path, given_environment())).accounts

    assert {invariant.verdict for invariant in reviewed.invariants} == {Verdict.HOLDS}
    sentences = [invariant.sentence for invariant in reviewed.invariants]
    assert "alice can start exactly these runbooks and no other: Restart-Desk" in sentences
    assert "OnCall and bob can start exactly these runbooks and no other: Restart-Data" in sentences
    assert (
        "alice can read these runbooks and no other, and follow the runs of this account, those of "
        "other teams as well: IAM keeps neither lists nor executions apart"
    ) in sentences


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (":document/Restart-Desk", ":document/Restart-*"),
        ("automation-definition/Restart-Desk:*", "automation-definition/Restart-Data:*"),
        ('"Value": "Database"', '"Value": "HelpDesk"'),
        ("OperatorRestrictedPermissionsDatabase", "OperatorRestrictedPermissionsOther"),
    ],
)
def test_mutant_that_crosses_teams_is_killed(tmp_path: Path, old: str, new: str) -> None:
    app_of(_TEAMS, runbooks=_RUNBOOKS, folder=tmp_path / "assembly").synth()
    loose = tmp_path / "loose"
    loose.mkdir()
    count = 0
    for path in (tmp_path / "assembly").glob("*.template.json"):
        text = path.read_text()
        count += text.count(old)
        (loose / path.name).write_text(text.replace(old, new))
    if not count:
        pytest.fail(f"{old} is in no template")

    with Engine() as engine:
        reviewed = review(engine, read_templates(loose, given_environment()))

    assert [i.id for i in reviewed.violated if i.id.startswith("operators-")]


@pytest.fixture
def deployed(sandbox: Sandbox) -> Iterator[str]:
    """The Region in which both teams' runbooks stand."""
    region = "eu-west-3"
    sandbox.client("iam").create_role(
        RoleName="OnCall",
        AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", '
        '"Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}]}',
    )
    for stack in ("AdministrationStack", "RunbooksStack"):
        deploy(sandbox, region, stack, _TEAMS, runbooks=_RUNBOOKS)
    yield region
    iam = sandbox.client("iam")
    for user in ("alice", "both"):
        for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    for stack in ("RunbooksStack", "AdministrationStack"):
        remove(sandbox, region, stack)
    iam.delete_role(RoleName="OnCall")


@pytest.mark.sandbox
def test_operator_starts_and_reads_the_own_teams_runbook_alone(
    sandbox: Sandbox, deployed: str
) -> None:
    iam = sandbox.client("iam")
    keys = iam.create_access_key(UserName="alice")["AccessKey"]
    listed = subprocess.run(
        [sys.executable, "-m", "operate", "list", "--region", deployed],
        env={**os.environ, **sandbox.environment(keys), "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert listed.returncode == 0, listed.stderr
    (instance,) = sandbox.client("ec2", region=deployed).run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1
    )["Instances"]
    parameters = {"InstanceId": [instance["InstanceId"]]}
    alice, both = (
        sandbox.client("ssm", of, region=deployed)
        for of in (keys, iam.create_access_key(UserName="both")["AccessKey"])
    )

    started = alice.start_automation_execution(DocumentName="Restart-Desk", Parameters=parameters)
    for name in ("Restart-Desk", "Restart-Data"):
        assert both.get_document(Name=name)["Name"] == name
        assert both.start_automation_execution(DocumentName=name, Parameters=parameters)

    assert started["AutomationExecutionId"]
    assert [line.split()[:2] for line in listed.stdout.splitlines()] == [
        ["runbook", "team"],
        ["Restart-Data", "Database"],
        ["Restart-Desk", "HelpDesk"],
    ]
    for call, name in (
        (alice.start_automation_execution, "DocumentName"),
        (alice.get_document, "Name"),
        (alice.list_document_versions, "Name"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            call(**{name: "Restart-Data"})


def _two_deployments() -> tuple[Deployment, ...]:
    place: dict[str, Any] = {"account": "111122223333", "regions": ("us-east-1",)}
    return check_deployments(
        deployment(operators=(IamUser(name),), **place) for name in ("one", "other")
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: deployment(teams=(_DESK, replace(_DATA, name="HelpDesk"))),
            "team 'HelpDesk' is named twice (deployments.py)",
        ),
        (
            lambda: deployment(teams=(_DESK, replace(_DESK, name="Other"))),
            "runbook 'Restart-Desk' is one of team 'HelpDesk' and of team 'Other', and a document "
            "runs under one role: give each team a copy under a name of its own in documents/ "
            "(deployments.py)",
        ),
        (
            lambda: replace(_DESK, name="Team1"),
            "team 'Team1' is not a capital with letters and digits after it and a letter at the "
            "end, 2 to 32 in all (deployments.py)",
        ),
        (
            lambda: replace(_DESK, operators=()),
            "team 'HelpDesk' needs at least one operator (deployments.py)",
        ),
        (
            lambda: replace(_DESK, service_roles=()),
            "team 'HelpDesk' needs at least one service role (deployments.py)",
        ),
        (lambda: deployment(teams=("HelpDesk",)), "team 'HelpDesk' is not a Team (deployments.py)"),
        (
            lambda: deployment(service_roles=(), teams=(_DESK,)),
            "a deployment needs at least one service role (deployments.py)",
        ),
        (
            _two_deployments,
            "2 deployments are for account 111122223333, and an account has one; write each as a "
            "team of it: Deployment(teams=(Team(name=…, operators=…, service_roles=…), …), …) "
            "(deployments.py)",
        ),
        (
            lambda: deployment(operators=(IamUser("lead"),), teams=(_DATA,)),
            "'lead' is an operator and an approver; nobody may approve what they start "
            "(deployments.py)",
        ),
    ],
)
def test_bad_teams_are_refused(make: Any, message: str) -> None:
    with pytest.raises(DelegationError) as refused:
        make()

    assert str(refused.value) == message


def test_guide_has_no_teams() -> None:
    with pytest.raises(DelegationError, match="no teams"):
        deployment(profile=Profile.GUIDE, operators=(), service_roles=(), teams=(_DESK,))


def test_deployment_that_is_made_again_has_the_same_teams() -> None:
    mixed = deployment(teams=(_DESK, _DATA))

    again = replace(mixed, termination_protection=True)

    assert [team.name for team in again.teams] == ["", "HelpDesk", "Database"]
    assert again.teams == mixed.teams
    assert PermissionSet("Ops") not in again.operators
