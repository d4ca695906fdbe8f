"""What CloudFormation's execution role needs: a deployment with it, and nothing beyond it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from delegation.model import (
    Approval,
    Audit,
    CompanyBoundary,
    ExistingRole,
    Fleet,
    GitHubPipeline,
    IamUser,
    Schedule,
    ServiceRole,
)
from pipeline.errors import PipelineError
from pipeline.execution_role.policies import POLICY_CHARACTERS, execution_policies, write_policies
from review.iam.engine import Engine
from review.templates.assembly import given_environment, read_templates
from review.templates.resources import read_resources
from sandbox import Sandbox
from sandbox.emulator.cloudformation.resource_handlers import Change, checks
from tests.stacks.synthesis import RUNBOOK, app_of, deployment, of_many_runbooks, template, written

_REGION, _ACCOUNT = "eu-central-1", "000000000000"
_STACKS = ("PipelineStack", "AdministrationStack", "RunbooksStack", "AuditStack", "SchedulesStack")
_AUTHOR = f"arn:aws:iam::{_ACCOUNT}:role/narrow/narrow-AuthorExecutionRole"
"""What makes the documents where there are authors or a pipeline."""
_QUICKLY = {"Delay": 0.1, "MaxAttempts": 200}
_EVERYTHING: dict[str, Any] = {
    "operators": (IamUser("dora"), ExistingRole("NightShift")),
    "service_roles": (
        ServiceRole(
            name="Patch",
            runbooks=(RUNBOOK,),
            approval=Approval(by=(IamUser("boss"),)),
            fleets=(Fleet(name="WebTier", runbook=RUNBOOK, instances_tagged=("Tier", "web")),),
        ),
    ),
    "pipeline": GitHubPipeline(repositories=("octo-org/runbooks",)),
    "audit": Audit(auditors=(IamUser("eve"),), subscribers=("team@example.com",)),
    "schedules": (
        Schedule(
            name="Nightly", starts="WebTier", at="rate(7 days)", begins="2090-01-01T00:00:00Z"
        ),
    ),
    "name_prefix": "narrow-",
    "iam_path": "/narrow/",
    "own_mfa": True,
}

Policy = dict[str, Any]


def _policies(folder: Path) -> list[Policy]:
    return execution_policies([read_templates(folder, given_environment(region=_REGION))])


def _allowed(policies: list[Policy]) -> Iterator[tuple[str, str]]:
    """Each action with each resource."""
    for policy in policies:
        for statement in policy["Statement"]:
            for action in statement["Action"]:
                yield from ((action, resource) for resource in statement["Resource"])


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The assembly of a deployment with every kind of resource, and tags."""
    wanted = deployment(**_EVERYTHING, tags=(("CostCenter", "4711"),))
    return written(wanted, tmp_path_factory.mktemp("policy") / "assembly")


@pytest.mark.parametrize("is_authored", [True, False])
def test_every_action_is_called_and_every_call_is_allowed(
    tmp_path: Path, assembly: Path, is_authored: bool
) -> None:
    folder = assembly if is_authored else written(deployment(), tmp_path / "assembly")
    templates = read_templates(folder, given_environment(region=_REGION))

    called = {"ssm:GetParameters"}  # of the bootstrap's version
    for resource in read_resources(templates):
        is_authors = is_authored and resource.type == "AWS::SSM::Document"
        if resource.type == "AWS::CDK::Metadata" or is_authors:
            continue
        properties = {
            name: resource.properties[name] if name == "LoginProfile" else resource.get(name)
            for name in resource.properties
        }
        if resource.type not in _UNTAGGED:
            properties["Tags"] = [{"Key": "CostCenter", "Value": "4711"}]
        for verb in ("Create", "Update", "Delete"):
            change = Change(
                verb=verb,
                type=resource.type,
                properties=properties,
                old=properties if verb == "Update" else {},
                generated="x",
            )
            called |= {check.action for check in checks(change)}

    assert {action for action, _ in _allowed(_policies(folder))} == called


_UNTAGGED = {
    *("AWS::IAM::Group", "AWS::IAM::ManagedPolicy", "AWS::Logs::ResourcePolicy"),
    *("AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy", "AWS::Scheduler::Schedule"),
}
"""Types that have no tags, or whose handlers list no call for them."""


def test_every_action_takes_its_resource(assembly: Path) -> None:
    with Engine() as engine:
        actions = engine.actions()

    for name, resource in _allowed(_policies(assembly)):
        action = actions.get(name)
        assert action is not None, name
        assert resource == "*" or action.may_take(resource), (name, resource)


@pytest.fixture
def role(sandbox: Sandbox, assembly: Path) -> Iterator[str]:
    """The ARN of a role for CloudFormation that holds the policies and nothing else."""
    iam = sandbox.client("iam")
    iam.create_role(RoleName="NightShift", AssumeRolePolicyDocument=_trust("ec2.amazonaws.com"))
    trust = _trust("cloudformation.amazonaws.com")
    iam.create_role(RoleName="Narrow", AssumeRolePolicyDocument=trust)
    arns = [
        iam.create_policy(PolicyName=f"Narrow{number}", PolicyDocument=json.dumps(document))[
            "Policy"
        ]["Arn"]
        for number, document in enumerate(_policies(assembly))
    ]
    for arn in arns:
        iam.attach_role_policy(RoleName="Narrow", PolicyArn=arn)
    yield f"arn:aws:iam::{_ACCOUNT}:role/Narrow"
    for arn in arns:
        iam.detach_role_policy(RoleName="Narrow", PolicyArn=arn)
        iam.delete_policy(PolicyArn=arn)
    iam.delete_role(RoleName="Narrow")
    iam.delete_role(RoleName="NightShift")


def _trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class _CloudFormation:
    """Changes stacks as the role, and waits."""

    def __init__(self, sandbox: Sandbox, role: str) -> None:
        self._client = sandbox.client("cloudformation", region=_REGION)
        self._role = role

    def deploy(self, stack: str, body: Mapping[str, Any], *, is_new: bool = True) -> None:
        body = {k: v for k, v in body.items() if k not in ("Parameters", "Rules")}
        call, state = (
            (self._client.create_stack, "stack_create_complete")
            if is_new
            else (self._client.update_stack, "stack_update_complete")
        )
        call(
            StackName=f"narrow-{stack}",
            TemplateBody=json.dumps(body),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            RoleARN=_AUTHOR if stack == "RunbooksStack" else self._role,
            Tags=[{"Key": "CostCenter", "Value": "4711"}],
        )
        try:
            self._client.get_waiter(state).wait(StackName=f"narrow-{stack}", WaiterConfig=_QUICKLY)
        except WaiterError as error:
            raise AssertionError(self.reasons(stack)) from error

    def delete(self, stack: str) -> None:
        role = _AUTHOR if stack == "RunbooksStack" else self._role
        self._client.delete_stack(StackName=f"narrow-{stack}", RoleARN=role)
        waiter = self._client.get_waiter("stack_delete_complete")
        waiter.wait(StackName=f"narrow-{stack}", WaiterConfig=_QUICKLY)

    def reasons(self, stack: str) -> str:
        events = self._client.describe_stack_events(StackName=f"narrow-{stack}")["StackEvents"]
        return "\n".join(event.get("ResourceStatusReason", "") for event in events)


@pytest.mark.sandbox
def test_stacks_are_made_changed_and_deleted_with_it_and_nothing_else(
    sandbox: Sandbox, role: str
) -> None:
    cloudformation = _CloudFormation(sandbox, role)
    bodies = {stack: template(stack, deployment(**_EVERYTHING)) for stack in _STACKS}

    for stack in _STACKS:
        cloudformation.deploy(stack, bodies[stack])
    text = json.dumps(bodies["AdministrationStack"])
    changed = json.loads(text.replace("iam:ResyncMFADevice", "iam:DeactivateMFADevice"))
    cloudformation.deploy("AdministrationStack", changed, is_new=False)
    for resource in _BEYOND.values():
        body = bodies["PipelineStack"]
        more = {**body, "Resources": {**body["Resources"], "Beyond": resource}}
        with pytest.raises(AssertionError, match="is not authorized to perform"):
            cloudformation.deploy("PipelineStack", more, is_new=False)
    for stack in reversed(_STACKS):
        cloudformation.delete(stack)

    iam = sandbox.client("iam")
    assert not [r for r in iam.list_roles()["Roles"] if r["RoleName"].startswith("narrow-")]


_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
_BEYOND = {
    "another user": {"Type": "AWS::IAM::User", "Properties": {"UserName": "helper"}},
    "another role": {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": "helper",
            "AssumeRolePolicyDocument": json.loads(_trust("ec2.amazonaws.com")),
        },
    },
    "another topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "helper"}},
}


@pytest.mark.parametrize(
    ("action", "resource", "condition"),
    [
        (
            "iam:CreateRole",
            "arn:*:iam::*:role/narrow/narrow-Patch",
            {
                "StringLike": {
                    "iam:PermissionsBoundary": ["arn:*:iam::*:policy/narrow/narrow-PatchBoundary"]
                }
            },
        ),
        (
            "iam:AttachRolePolicy",
            "arn:*:iam::*:role/narrow/narrow-Patch",
            {
                "ArnLike": {
                    "iam:PolicyARN": ["arn:*:iam::aws:policy/service-role/AmazonSSMAutomationRole"]
                }
            },
        ),
    ],
)
def test_service_role_is_made_within_its_boundary_alone(
    assembly: Path, action: str, resource: str, condition: Policy
) -> None:
    with_it = [
        statement.get("Condition")
        for policy in execution_policies([read_templates(assembly, given_environment())])
        for statement in policy["Statement"]
        if action in statement["Action"] and resource in statement["Resource"]
    ]

    assert with_it == [condition]


def test_companys_boundary_is_on_every_user(tmp_path: Path) -> None:
    wanted = deployment(permissions_boundary=CompanyBoundary(policy="OrgBoundary"))

    policies = _policies(written(wanted, tmp_path / "assembly"))

    (condition,) = [
        statement["Condition"]
        for policy in policies
        for statement in policy["Statement"]
        if "iam:CreateUser" in statement["Action"]
    ]
    assert condition == {
        "StringLike": {"iam:PermissionsBoundary": ["arn:aws:iam::*:policy/OrgBoundary"]}
    }


def test_boundary_is_taken_away_where_an_assembly_has_none_alone(tmp_path: Path) -> None:
    bounded = deployment(permissions_boundary=CompanyBoundary(policy="OrgBoundary"))
    place = given_environment(region=_REGION)
    read = [
        read_templates(written(wanted, tmp_path / name), place)
        for name, wanted in (("old", bounded), ("new", deployment()))
    ]

    removing = {
        (action, resource)
        for action, resource in _allowed(execution_policies(read))
        if action.startswith("iam:Delete") and action.endswith("PermissionsBoundary")
    }

    user = "arn:aws:iam::*:user/AutomationRestrictedOperator"
    assert removing == {("iam:DeleteUserPermissionsBoundary", user)}


def test_what_authors_deploy_is_left_to_their_role(tmp_path: Path) -> None:
    wanted = deployment(
        authors=("arn:aws:iam::111122223333:role/Authors",),
        account="111122223333",
        regions=(_REGION,),
    )

    policies = _policies(written(wanted, tmp_path / "assembly"))

    actions = {action for action, _ in _allowed(policies)}
    assert not {"ssm:CreateDocument", "iam:PassRole"} & actions


def test_many_runbooks_take_several_policies(tmp_path: Path) -> None:
    wanted, runbooks = of_many_runbooks(200)
    app_of(wanted, runbooks=runbooks, folder=tmp_path).synth()

    policies = _policies(tmp_path)

    sizes = [len(json.dumps(policy, separators=(",", ":"))) for policy in policies]
    assert len(policies) > 1
    assert max(sizes) <= POLICY_CHARACTERS
    documents = {on for action, on in _allowed(policies) if action == "ssm:UpdateDocument"}
    assert len(documents) == 200


def test_files_and_commands_are_written(tmp_path: Path, assembly: Path) -> None:
    lines = list(write_policies([assembly], account=None, folder=tmp_path))

    files = sorted(path.name for path in tmp_path.glob("*.json"))
    assert [line.split()[-1] for line in lines[:-1]] == [f"file://{tmp_path / f}" for f in files]
    assert lines[-1] == (
        "npx cdk bootstrap --cloudformation-execution-policies "
        + ",".join(f"arn:aws:iam::ACCOUNT:policy/{name[:-5]}" for name in files)
    )
    with pytest.raises(PipelineError, match="account '444455556666' is none of 111122223333"):
        list(write_policies([assembly], account="444455556666", folder=tmp_path))
    with pytest.raises(PipelineError, match="missing is not a folder; make it"):
        list(write_policies([assembly], account=None, folder=tmp_path / "missing"))
