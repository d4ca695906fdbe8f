"""A prefix of names and a path of IAM: of all that is made, and of nothing else."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from delegation.deployment.deployment import Profile
from delegation.errors import DelegationError
from delegation.model import (
    Approval,
    Audit,
    CompanyBoundary,
    Deployment,
    ExistingGroup,
    ExistingRole,
    GitHubPipeline,
    IamUser,
    ServiceRole,
)
from delegation.policies.made import check_names
from pipeline.roles import pipeline_role_arn
from review.access_review import Review, review
from review.errors import ReviewError
from review.iam.engine import Engine
from review.templates.assembly import given_environment, read_templates
from review.templates.cloud_assembly import Assembly
from sandbox import Sandbox
from tests.stacks.deployed import deploy, remove
from tests.stacks.synthesis import RUNBOOK, approved_by, deployment, written

_PREFIX, _PATH = "acme-", "/company/automation/"
_FOLDERED = ("ManagedPolicy", "Role", "Group", "User")
_NAMES = ("ManagedPolicyName", "RoleName", "GroupName", "LogGroupName", "PolicyName")


def _everything(**changes: Any) -> Deployment:
    return deployment(
        **{
            "operators": (IamUser("alice", cli_sign_in=True), ExistingRole("OnCall")),
            "service_roles": (approved_by(IamUser("lead"), ExistingRole("Leads", path="/it/")),),
            "authors": ("arn:aws:iam::111122223333:role/Authors",),
            "pipeline": GitHubPipeline(repositories=("octo-org/runbooks",)),
            "audit": Audit(auditors=(IamUser("auditor"),)),
            "require_mfa": True,
            "account": "111122223333",
            "regions": ("us-east-1",),
            **changes,
        }
    )


def _templates(wanted: Deployment, folder: Path) -> dict[str, dict[str, Any]]:
    return {stack.name: dict(stack.template) for stack in Assembly(written(wanted, folder)).stacks}


def test_prefix_and_path_are_of_all_names_and_change_nothing_else(tmp_path: Path) -> None:
    guides = _templates(_everything(), tmp_path / "guides")

    named = _templates(_everything(name_prefix=_PREFIX, iam_path=_PATH), tmp_path / "named")

    assert [*named] == [f"{_PREFIX}{stack}" for stack in guides]
    for stack, template in named.items():
        for resource in template["Resources"].values():
            properties = resource.get("Properties", {})
            if resource["Type"] in (f"AWS::IAM::{kind}" for kind in _FOLDERED):
                assert properties.pop("Path") == _PATH
            for name in set(_NAMES) & properties.keys():
                assert properties[name].rsplit("/", 1)[-1].startswith(_PREFIX), properties[name]
        before = json.dumps(guides[stack.removeprefix(_PREFIX)], sort_keys=True)
        after = json.dumps(template, sort_keys=True).replace(_PREFIX, "").replace(_PATH, "/")
        assert after == before


def _reviewed(folder: Path) -> Review:
    with Engine() as engine:
        return review(engine, read_templates(folder, given_environment()))


def test_review_proves_the_same_under_other_names(tmp_path: Path, named: Assembly) -> None:
    guides = _reviewed(written(_everything(), tmp_path / "guides"))

    renamed = _reviewed(named.folder)

    (before,), (after,) = guides.accounts, renamed.accounts
    assert not renamed.violated
    assert [(i.id.removeprefix(_PREFIX), i.verdict) for i in after.invariants] == [
        (i.id, i.verdict) for i in before.invariants
    ]
    assert [(p.persona, p.name.removeprefix(_PREFIX)) for p in after.account.principals] == [
        (p.persona, p.name) for p in before.account.principals
    ]


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The assembly of everything under other names."""
    wanted = _everything(name_prefix=_PREFIX, iam_path=_PATH)
    return Assembly(written(wanted, tmp_path_factory.mktemp("named") / "assembly"))


@pytest.mark.parametrize(
    ("old", "new", "violated"),
    [
        ("role/company/automation/acme-AuthorExecutionRole", "role/Admin", "authors-deploy-"),
        ("stack/acme-RunbooksStack", "stack/RunbooksStack", "authors-"),
        ("acme-OperatorRestrictedPermissions", "OperatorRestrictedPermissions", "audit-"),
        ("/aws/events/acme-DelegatedRuns", "/aws/events/DelegatedRuns", "auditors-"),
    ],
)
def test_mutant_that_names_another_resource_is_killed(
    tmp_path: Path, named: Assembly, old: str, new: str, violated: str
) -> None:
    for stack in named.stacks:
        resources = json.dumps(stack.template).replace(f":{old}", f":{new}")
        resources = resources.replace(f'/{old}"', f'/{new}"').replace(
            f'e": "{old}"', f'e": "{new}"'
        )
        (tmp_path / f"{stack.name}.template.json").write_text(resources)

    with Engine() as engine:
        place = given_environment(account="111122223333", region="us-east-1")
        reviewed = review(engine, read_templates(tmp_path, place))

    assert [i.id for i in reviewed.violated if i.id.startswith(violated)]


def test_role_of_the_project_without_the_prefix_is_refused(named: Assembly) -> None:
    place = given_environment(account="111122223333", region="us-east-1")
    templates = list(read_templates(named.folder, place))
    (pipeline,) = [each for each in templates if each.stack == "acme-PipelineStack"]
    (role,) = [
        resource
        for resource in pipeline.body["Resources"].values()
        if resource.get("Properties", {}).get("RoleName") == "acme-PipelineReviewRole"
    ]
    text = json.dumps(role).replace("acme-PipelineReviewRole", "PipelineReviewRole")
    more = {"Second": json.loads(text.replace("octo-org", "evil"))}
    body = {**pipeline.body, "Resources": {**pipeline.body["Resources"], **more}}
    templates[templates.index(pipeline)] = replace(pipeline, body=body)

    with Engine() as engine, pytest.raises(ReviewError, match="are one role of the project"):
        review(engine, tuple(templates))


def test_stacks_of_one_account_with_two_prefixes_are_refused(
    tmp_path: Path, named: Assembly
) -> None:
    folder = named.copy_to(tmp_path / "assembly").folder
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"acme-AuditStack"', '"evil-AuditStack"'))

    with pytest.raises(ReviewError, match="different prefixes, one of them"):
        Assembly(folder)


def test_author_roles_of_another_prefix_do_not_deploy_the_stack(
    tmp_path: Path, named: Assembly
) -> None:
    folder = named.copy_to(tmp_path / "assembly").folder
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace("acme-Author", "evil-Author"))

    with pytest.raises(ReviewError, match="not deployed by roles of cdk bootstrap or of an author"):
        Assembly(folder)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (
            deployment(
                name_prefix="acme-",
                operators=(IamUser("a"), ExistingGroup("acme-AutomationRestrictedOperators")),
            ),
            "group 'acme-AutomationRestrictedOperators' is one that the deployment makes; name "
            "another, or give the deployment a name_prefix (deployments.py)",
        ),
        (
            deployment(
                permissions_boundary=CompanyBoundary(policy="it/AutomationServiceRoleBoundary")
            ),
            "policy 'it/AutomationServiceRoleBoundary' of the CompanyBoundary is one that the "
            "deployment makes; name the company's own (deployments.py)",
        ),
    ],
)
def test_name_of_something_else_is_not_made_twice(wanted: Deployment, message: str) -> None:
    with pytest.raises(DelegationError) as refused:
        check_names(wanted)

    assert str(refused.value) == message


def test_pipeline_finds_its_roles(named: Assembly) -> None:
    role = "PipelineReviewRole"
    arn = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role"

    assert pipeline_role_arn(named, role, "111122223333") == f"{arn}{_PATH}acme-{role}"
    assert pipeline_role_arn(named, role, "444455556666") == f"{arn}/{role}"


@pytest.fixture
def region(sandbox: Sandbox) -> Iterator[str]:
    """The Region in which the runbook stands under other names."""
    wanted = deployment(
        operators=(IamUser("alice"),),
        service_roles=(
            ServiceRole(
                name="Patch", runbooks=(RUNBOOK,), approval=Approval(by=(IamUser("lead"),))
            ),
        ),
        name_prefix=_PREFIX,
        iam_path=_PATH,
        own_mfa=True,
    )
    region = "eu-west-2"
    for stack in ("AdministrationStack", "RunbooksStack"):
        deploy(sandbox, region, stack, wanted)
    yield region
    iam = sandbox.client("iam")
    for user in ("alice", "lead"):
        for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    for stack in ("RunbooksStack", "AdministrationStack"):
        remove(sandbox, region, stack)


@pytest.mark.sandbox
def test_story_goes_the_same_under_other_names(sandbox: Sandbox, region: str) -> None:
    iam = sandbox.client("iam")
    keys = {user: iam.create_access_key(UserName=user)["AccessKey"] for user in ("alice", "lead")}
    alice, lead = (sandbox.client("ssm", keys[user], region=region) for user in ("alice", "lead"))
    (instance,) = sandbox.client("ec2", region=region).run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1
    )["Instances"]

    started = alice.start_automation_execution(
        DocumentName=RUNBOOK, Parameters={"InstanceId": [instance["InstanceId"]]}
    )
    id_ = started["AutomationExecutionId"]
    with pytest.raises(ClientError, match="AccessDenied"):
        alice.send_automation_signal(AutomationExecutionId=id_, SignalType="Approve")
    lead.send_automation_signal(
        AutomationExecutionId=id_, SignalType="Approve", Payload={"StepName": ["approveRun"]}
    )
    waiter = sandbox.client("ssm", region=region)
    for _ in range(200):
        found = waiter.get_automation_execution(AutomationExecutionId=id_)["AutomationExecution"]
        if found["AutomationExecutionStatus"] not in ("InProgress", "Waiting", "Pending"):
            break

    assert found["AutomationExecutionStatus"] == "Success"
    assert iam.get_role(RoleName="acme-Patch")["Role"]["Path"] == _PATH
    own = sandbox.client("iam", keys["alice"])
    assert own.get_user(UserName="alice")["User"]["Arn"].endswith(f":user{_PATH}alice")
    with pytest.raises(ClientError, match="AccessDenied"):
        own.get_user(UserName="lead")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: deployment(name_prefix="acme_"),
            "name_prefix 'acme_' is not a letter with letters, digits or hyphens after it, 32 at "
            "most: the names of stacks begin with it (deployments.py)",
        ),
        (
            lambda: deployment(name_prefix="a" * 33),
            f"name_prefix {'a' * 33!r} is not a letter with letters, digits or hyphens after it, "
            "32 at most: the names of stacks begin with it (deployments.py)",
        ),
        (
            lambda: deployment(iam_path="automation"),
            "iam_path 'automation' is not a path of IAM, at most 128 characters between slashes: "
            "'/automation/', '/company/automation/' (deployments.py)",
        ),
        (
            lambda: deployment(iam_path="/aws-reserved/sso.amazonaws.com/"),
            "iam_path '/aws-reserved/sso.amazonaws.com/' is one of AWS's own; choose another "
            "(deployments.py)",
        ),
        (
            lambda: deployment(
                name_prefix="acme-", service_roles=(ServiceRole(name="x" * 60, runbooks=("A",)),)
            ),
            f"service role {'acme-' + 'x' * 60!r} is not an IAM name of 1 to 64 letters, digits or "
            "+=,.@_- (deployments.py)",
        ),
        (
            lambda: deployment(name_prefix="acme-", profile=Profile.GUIDE),
            "the guide profile is the guide's alone: one IamUser as operator, one service role "
            "with one runbook, no teams, no authors, no pipeline, no audit, no limits, no volume "
            "keys, no account, no regions, no permissions boundary, no MFA, no CLI sign-in, no "
            "name prefix, no path, no own executions and no schedules (deployments.py)",
        ),
        (
            lambda: deployment(
                name_prefix="acme-", operators=(ExistingRole("acme-AutomationServiceRole"),)
            ),
            "role 'AutomationServiceRole' is a service role and an operator or approver "
            "(deployments.py)",
        ),
        (
            lambda: _everything(
                name_prefix="acme-",
                authors=("arn:aws:iam::111122223333:role/acme-Patch",),
                service_roles=(ServiceRole(name="Patch", runbooks=(RUNBOOK,)),),
            ),
            "author 'arn:aws:iam::111122223333:role/acme-Patch' is a role that the deployment "
            "makes (deployments.py)",
        ),
        (
            lambda: _everything(
                name_prefix="acme-", operators=(ExistingRole("acme-PipelineReviewRole"),)
            ),
            "role 'acme-PipelineReviewRole' is one that the deployment makes; nobody else holds it "
            "(deployments.py)",
        ),
        (
            lambda: ExistingRole("Leads", path="it"),
            "path of role 'Leads' 'it' is not a path of IAM, at most 128 characters between "
            "slashes: '/automation/', '/company/automation/' (deployments.py)",
        ),
    ],
)
def test_bad_names_are_refused(make: Any, message: str) -> None:
    with pytest.raises(DelegationError) as refused:
        make()

    assert str(refused.value) == message
