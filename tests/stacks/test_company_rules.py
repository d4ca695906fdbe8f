"""A company's rules: a permissions boundary on users and roles, and tags on everything."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from delegation.errors import DelegationError
from delegation.model import Audit, CompanyBoundary, GitHubPipeline, IamUser
from tests.stacks.synthesis import ROLE, approved_by, deployment, resources, template, written

Run = Callable[..., subprocess.CompletedProcess[str]]

_POLICY = "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/company/OrgBoundary"
_COMPANYS = {"Fn::Sub": _POLICY}
_EVERYWHERE = CompanyBoundary(policy="company/OrgBoundary", on_service_roles=True)
_PEOPLE_AND_DEPLOYERS = CompanyBoundary(policy="company/OrgBoundary")
_TAG = {"Key": "CostCenter", "Value": "4711"}


def _whole(**changes: Any) -> Any:
    """A deployment with every kind of role and user."""
    return deployment(
        service_roles=(approved_by(IamUser("lead")),),
        audit=Audit(auditors=(IamUser("auditor"),)),
        pipeline=GitHubPipeline(repositories=("octo-org/runbooks",)),
        **changes,
    )


def _boundaries(*stacks: dict[str, Any]) -> dict[str, Any]:
    """The boundary of each user and role, by its name."""
    return {
        properties.get("UserName") or properties["RoleName"]: properties.get("PermissionsBoundary")
        for stack in stacks
        for type_ in ("AWS::IAM::User", "AWS::IAM::Role")
        for properties in resources(stack, type_)
    }


@pytest.mark.parametrize("boundary", [_EVERYWHERE, _PEOPLE_AND_DEPLOYERS])
def test_companys_boundary_is_on_every_user_and_on_every_role_of_those_who_deploy(
    boundary: CompanyBoundary,
) -> None:
    wanted = _whole(permissions_boundary=boundary)

    found = _boundaries(*(template(s, wanted) for s in ("AdministrationStack", "PipelineStack")))

    service_role = found.pop("AutomationServiceRole")
    assert len(found) == 11
    assert all(value == _COMPANYS for value in found.values())
    assert (service_role == _COMPANYS) is boundary.on_service_roles


def test_service_role_under_the_companys_boundary_holds_exactly_its_needs() -> None:
    plain = template("AdministrationStack", deployment())
    bounded = template("AdministrationStack", deployment(permissions_boundary=_EVERYWHERE))

    (role,) = resources(bounded, "AWS::IAM::Role")
    (held,) = role["ManagedPolicyArns"]
    needs = bounded["Resources"][held["Ref"]]["Properties"]
    (boundary,) = [
        policy["PolicyDocument"]
        for policy in resources(plain, "AWS::IAM::ManagedPolicy")
        if policy["ManagedPolicyName"] == "AutomationServiceRoleBoundary"
    ]
    assert needs["ManagedPolicyName"] == "AutomationServiceRoleNeeds"
    assert needs["PolicyDocument"] == boundary
    assert "AmazonSSMAutomationRole" not in json.dumps(role)
    assert "AutomationServiceRoleBoundary" not in json.dumps(bounded)


def test_tags_are_on_every_stack_and_on_every_resource_that_takes_any(tmp_path: Path) -> None:
    folder = written(_whole(tags=(("CostCenter", "4711"),)), tmp_path)

    manifest = json.loads((folder / "manifest.json").read_text())["artifacts"]
    stacks = [a for a in manifest.values() if a["type"] == "aws:cloudformation:stack"]
    assert [stack["properties"]["tags"] for stack in stacks] == [{"CostCenter": "4711"}] * 4
    untagged = {
        resource["Type"]
        for path in folder.glob("*.template.json")
        for resource in json.loads(path.read_text())["Resources"].values()
        if _TAG not in resource["Properties"].get("Tags", ())
    }
    # CloudFormation has no tags for these. Source: its Template Reference.
    assert untagged == {
        "AWS::IAM::Group",
        "AWS::IAM::ManagedPolicy",
        "AWS::Logs::ResourcePolicy",
        "AWS::SNS::TopicPolicy",
    }


_LOAD = "from delegation.configuration import load; print([d.tags for d in load().deployments])"


def test_tags_of_cdk_json_are_those_of_every_deployment(project: Path, run: Run) -> None:
    (project / "cdk.json").write_text(json.dumps({"app": "python3 app.py", "tags": [_TAG]}))

    assert run("-c", _LOAD).stdout == "[(('CostCenter', '4711'),)]\n"


def test_tags_in_both_files_are_refused(project: Path, run: Run) -> None:
    (project / "cdk.json").write_text(json.dumps({"tags": [_TAG]}))
    path = project / "deployments.py"
    text = path.read_text()
    path.write_text(
        text.replace("    Deployment(\n", '    Deployment(\n        tags=(("A", "b"),),\n')
    )

    assert "cdk.json and deployments.py both name tags" in run("-c", _LOAD).stderr


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ((("aws:x", "y"),), "a tag of the deployment is ('aws:x', 'y'), not (key, value)"),
        ((("A", ""),), "tag 'A' of the deployment has no value"),
        ((("servicerole", "x"),), "tag 'servicerole' of the deployment is one that documents have"),
        ((("A", "1"), ("a", "2")), "tag 'a' of the deployment is named twice"),
        (("A", "1"), "a tag of the deployment is 'A', not (key, value)"),
        (tuple((f"K{n}", "v") for n in range(48)), "the deployment has 48 tags; 45 at most"),
    ],
)
def test_bad_tags_are_refused(tags: Any, message: str) -> None:
    with pytest.raises(DelegationError) as refused:
        deployment(tags=tags)

    assert str(refused.value).startswith(message)
    assert str(refused.value).endswith("(deployments.py)")


def test_bad_boundaries_are_refused() -> None:
    with pytest.raises(DelegationError, match="an ARN names its account, a name holds in each"):
        CompanyBoundary(policy="arn:aws:iam::111122223333:policy/OrgBoundary")
    with pytest.raises(DelegationError, match="'OrgBoundary' is not a CompanyBoundary"):
        deployment(permissions_boundary="OrgBoundary")
    with pytest.raises(DelegationError, match="no permissions boundary"):
        replace(
            deployment(service_roles=(ROLE,), profile="guide"), permissions_boundary=_EVERYWHERE
        )
