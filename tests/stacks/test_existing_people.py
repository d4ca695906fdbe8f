"""People whose user, group or role exists already: policies are attached, nobody is made."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from delegation.model import Audit, ExistingGroup, ExistingRole, ExistingUser
from review.access_review import review
from review.iam.engine import Engine
from review.invariants.invariant import Verdict
from review.templates.assembly import given_environment, read_templates
from sandbox import Sandbox
from tests.stacks.deployed import deploy, remove
from tests.stacks.synthesis import approved_by, deployment, resources, template, written

_WANTED = deployment(
    operators=(
        ExistingUser("alice", deny_own_permissions=True),
        ExistingGroup("HelpDesk"),
        ExistingRole("OnCall"),
    ),
    service_roles=(approved_by(ExistingUser("lead")),),
    audit=Audit(auditors=(ExistingGroup("Auditors"),)),
)


def test_policies_are_attached_to_those_who_exist_and_nobody_is_made() -> None:
    stack = template("AdministrationStack", _WANTED)

    attached = {
        p["ManagedPolicyName"]: {k: p[k] for k in ("Users", "Groups", "Roles") if k in p}
        for p in resources(stack, "AWS::IAM::ManagedPolicy")
    }
    assert attached == {
        "OperatorRestrictedPermissions": {
            "Users": ["alice"],
            "Groups": ["HelpDesk"],
            "Roles": ["OnCall"],
        },
        "DenyOwnPermissionsInRunbooks": {"Users": ["alice"]},
        "ApproverRestrictedPermissions": {"Users": ["lead"]},
        "AuditorRestrictedPermissions": {"Groups": ["Auditors"]},
        "AutomationServiceRoleBoundary": {},
    }
    kinds = {resource["Type"] for resource in stack["Resources"].values()}
    assert not {"AWS::IAM::User", "AWS::IAM::Group", "AWS::SecretsManager::Secret"} & kinds


def test_approval_step_names_an_existing_user() -> None:
    (document,) = resources(template("RunbooksStack", _WANTED), "AWS::SSM::Document")

    assert document["Content"]["mainSteps"][0]["inputs"]["Approvers"] == [
        {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:user/lead"}
    ]


def test_review_judges_what_is_attached(tmp_path: Path) -> None:
    with Engine() as engine:
        (found,) = review(
            engine, read_templates(written(_WANTED, tmp_path), given_environment())
        ).accounts

    assert Verdict.VIOLATED not in {invariant.verdict for invariant in found.invariants}
    assert {principal.title for principal in found.account.principals} >= {
        "operator alice",
        "operator HelpDesk",
        "operator OnCall",
        "approver lead",
        "auditor Auditors",
    }


def test_review_takes_no_denial_for_granted_of_a_user_who_exists(tmp_path: Path) -> None:
    """Whether they lend their own permissions is a choice, as of a role."""
    folder = written(deployment(operators=(ExistingUser("ed"),)), tmp_path)

    with Engine() as engine:
        reviewed = review(engine, read_templates(folder, given_environment()))

    assert not reviewed.violated


@pytest.fixture
def deployed(sandbox: Sandbox) -> Iterator[str]:
    """The Region in which a deployment stands whose operator was there before."""
    region, iam = "eu-central-2", sandbox.client("iam")
    iam.create_user(UserName="alice")
    iam.create_user(UserName="bob")
    iam.create_group(GroupName="HelpDesk")
    iam.add_user_to_group(GroupName="HelpDesk", UserName="bob")
    wanted = deployment(operators=(ExistingUser("alice"), ExistingGroup("HelpDesk")))
    for stack in ("AdministrationStack", "RunbooksStack"):
        deploy(sandbox, region, stack, wanted)
    yield region
    for stack in ("RunbooksStack", "AdministrationStack"):
        remove(sandbox, region, stack)
    assert iam.list_attached_user_policies(UserName="alice")["AttachedPolicies"] == []
    iam.remove_user_from_group(GroupName="HelpDesk", UserName="bob")
    iam.delete_group(GroupName="HelpDesk")
    for user in ("alice", "bob"):
        for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName=user)


@pytest.mark.sandbox
@pytest.mark.parametrize("user", ["alice", "bob"])
def test_existing_operator_starts_the_runbook_and_stays_when_the_stack_goes(
    sandbox: Sandbox, deployed: str, user: str
) -> None:
    keys = sandbox.client("iam").create_access_key(UserName=user)["AccessKey"]
    ssm = sandbox.client("ssm", keys, region=deployed)
    (instance,) = sandbox.client("ec2", region=deployed).run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1
    )["Instances"]

    started = ssm.start_automation_execution(
        DocumentName="Restart-EC2InstanceDemo",
        Parameters={"InstanceId": [instance["InstanceId"]]},
    )

    assert started["AutomationExecutionId"]
    with pytest.raises(ClientError, match="AccessDenied"):
        ssm.create_document(Name="Own", DocumentType="Automation", Content=json.dumps({}))
