"""Nothing that CDK does to resources after they were made may touch access."""

import json
from pathlib import Path

import jsii
import pytest
from aws_cdk import App, Aspects, CfnCondition, CfnResource, Fn, IAspect, Stack, Tags
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import IConstruct

from delegation.model import GitHubPipeline
from tests.stacks.synthesis import app_of, deployment

_SILENT = {"@aws-cdk/core:failSynthOnValidationErrors": False}
_BOUNDARY = {"@aws-cdk/core:permissionsBoundary": {"name": "OrgBoundary"}}


def _findings(app: App, folder: Path) -> dict[str, list[str]]:
    """What the rule reports, by construct."""
    app.synth()
    reports = json.loads((folder / "validation-report.json").read_text())["pluginReports"]
    violations = [
        violation
        for report in reports
        if report["pluginName"] == "DelegatedAdministration"
        for violation in report["violations"]
    ]
    found: dict[str, list[str]] = {}
    for violation in violations:
        for construct in violation["violatingConstructs"]:
            what = violation["description"].split("; ")[0]
            found.setdefault(construct.get("constructPath", ""), []).append(what)
    return found


@jsii.implements(IAspect)
class _Changing:
    """An Aspect that overrides one property of every resource of a type."""

    def __init__(self, type_: type[CfnResource], name: str, value: object) -> None:
        self._type, self._name, self._value = type_, name, value

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, self._type):
            node.add_property_override(self._name, self._value)


def test_synthesis_as_specified_has_no_finding(tmp_path: Path) -> None:
    pipeline = GitHubPipeline(repositories=("octo-org/runbooks",))
    app = app_of(deployment(pipeline=pipeline), folder=tmp_path, context=_SILENT)

    assert _findings(app, tmp_path) == {}


def test_boundary_of_the_context_replaces_none_in_silence(tmp_path: Path) -> None:
    found = _findings(app_of(deployment(), folder=tmp_path, context=_SILENT | _BOUNDARY), tmp_path)

    assert {
        "AdministrationStack/OperatorAccess/Users/AutomationRestrictedOperator/Resource",
        "AdministrationStack/ServiceRoles/AutomationServiceRole/Resource",
    } == found.keys()
    (of_role,) = found["AdministrationStack/ServiceRoles/AutomationServiceRole/Resource"]
    assert "PermissionsBoundary is " in of_role
    assert "policy/OrgBoundary" in of_role
    assert "where the model specifies {" in of_role


def test_synthesis_with_a_boundary_of_the_context_fails(tmp_path: Path) -> None:
    app = app_of(deployment(), folder=tmp_path, context=_BOUNDARY)

    with pytest.raises(RuntimeError, match="Validation"):
        app.synth()


@pytest.mark.parametrize(
    ("type_", "name", "value"),
    [
        (iam.CfnRole, "AssumeRolePolicyDocument.Statement.0.Principal", {"AWS": "*"}),
        (iam.CfnRole, "ManagedPolicyArns", ["arn:aws:iam::aws:policy/AdministratorAccess"]),
        (iam.CfnRole, "Policies", [{"PolicyName": "More", "PolicyDocument": {}}]),
        (iam.CfnRole, "Path", "/elsewhere/"),
        (iam.CfnUser, "Groups", ["Administrators"]),
        (iam.CfnUser, "LoginProfile.PasswordResetRequired", False),
        (iam.CfnGroup, "ManagedPolicyArns", ["arn:aws:iam::aws:policy/AdministratorAccess"]),
        (iam.CfnManagedPolicy, "PolicyDocument.Statement.0.Resource", "*"),
        (iam.CfnManagedPolicy, "Roles", ["Another"]),
        (ssm.CfnDocument, "Content.assumeRole", "arn:aws:iam::111122223333:role/Admin"),
        (ssm.CfnDocument, "UpdateMethod", "Replace"),
    ],
)
def test_aspect_that_touches_access_is_a_finding(
    tmp_path: Path, type_: type[CfnResource], name: str, value: object
) -> None:
    app = app_of(deployment(), folder=tmp_path, context=_SILENT)
    Aspects.of(app).add(_Changing(type_, name, value))

    found = _findings(app, tmp_path)

    assert found
    assert {what.split(" ")[0] for each in found.values() for what in each} == {name.split(".")[0]}


def test_condition_on_a_policy_is_a_finding(tmp_path: Path) -> None:
    app = app_of(deployment(), folder=tmp_path, context=_SILENT)
    administration = app.node.find_child("AdministrationStack")
    assert isinstance(administration, Stack)
    never = Fn.condition_equals("a", "b")
    CfnCondition(administration, "Never", expression=never)
    for policy in administration.node.find_all():
        if isinstance(policy, iam.CfnManagedPolicy):
            policy.add_override("Condition", "Never")

    found = _findings(app, tmp_path)

    assert {what for each in found.values() for what in each} == {
        'Condition is "Never", where the model specifies nothing'
    }


def test_resource_beside_those_of_the_model_is_a_finding(tmp_path: Path) -> None:
    app = app_of(deployment(), folder=tmp_path, context=_SILENT)
    administration = app.node.find_child("AdministrationStack")
    assert isinstance(administration, Stack)
    iam.CfnUserToGroupAddition(
        administration, "More", group_name="AutomationRestrictedOperators", users=["eve"]
    )

    assert _findings(app, tmp_path) == {
        "AdministrationStack/More": [
            "AWS::IAM::UserToGroupAddition was added, which the model does not specify"
        ]
    }


def test_tags_may_be_added(tmp_path: Path) -> None:
    app = app_of(deployment(), folder=tmp_path, context=_SILENT)
    Tags.of(app).add("CostCenter", "4711")

    assert _findings(app, tmp_path) == {}
    written = json.loads((tmp_path / "RunbooksStack.template.json").read_text())
    (document,) = written["Resources"].values()
    assert {"Key": "CostCenter", "Value": "4711"} in document["Properties"]["Tags"]


def test_tag_of_the_model_may_not_be_replaced(tmp_path: Path) -> None:
    app = app_of(deployment(), folder=tmp_path, context=_SILENT)
    tag = next(
        tag["Key"]
        for resource in app.synth()
        .get_stack_by_name("RunbooksStack")
        .template["Resources"]
        .values()
        for tag in resource["Properties"]["Tags"]
    )
    again = app_of(deployment(), folder=tmp_path, context=_SILENT)
    Tags.of(again).add(tag, "mine")

    assert list(_findings(again, tmp_path)) == ["RunbooksStack/RestartEC2InstanceDemo"]
