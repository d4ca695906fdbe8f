"""The author's roles: exactly the calls of a deployment of RunbooksStack, compared whole."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from delegation.configuration import Configuration
from delegation.runbooks.runbook import Runbook, load_runbooks
from stacks.deployment_stacks import add_stacks
from tests.stacks.synthesis import deployment, policy, resources, template

_AUTHORS = (
    "arn:aws:iam::111122223333:user/author",
    "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Author_0a1b2c3d",
)
_ROLES = ("AuthorDeploymentRole", "AuthorPublishingRole", "AuthorExecutionRole")
_HERE = "${AWS::Region}:${AWS::AccountId}"
_STACK = {"Fn::Sub": f"arn:${{AWS::Partition}}:cloudformation:{_HERE}:stack/RunbooksStack/*"}
_BUCKET = "arn:${AWS::Partition}:s3:::cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"
_EXECUTION = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/AuthorExecutionRole"}


@pytest.fixture(scope="module")
def administration() -> dict[str, Any]:
    """AdministrationStack with two authors."""
    return template("AdministrationStack", deployment(authors=_AUTHORS))


def _statements(stack: dict[str, Any], role: str) -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = policy(stack, f"{role}Permissions")["PolicyDocument"][
        "Statement"
    ]
    return statements


def _trust(sid: str, principal: dict[str, Any]) -> dict[str, Any]:
    statement = {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def test_deployment_role_changes_the_runbooks_stack_as_the_execution_role(
    administration: dict[str, Any],
) -> None:
    expected = [
        {
            "Sid": "FollowAndExecuteChanges",
            "Effect": "Allow",
            "Action": [
                "cloudformation:DeleteChangeSet",
                "cloudformation:DeleteStack",
                "cloudformation:DescribeChangeSet",
                "cloudformation:DescribeStackEvents",
                "cloudformation:DescribeStackResources",
                "cloudformation:DescribeStacks",
                "cloudformation:ExecuteChangeSet",
                "cloudformation:GetTemplate",
            ],
            "Resource": [_STACK],
        },
        {
            "Sid": "ChangeAsExecutionRole",
            "Effect": "Allow",
            "Action": [
                "cloudformation:ContinueUpdateRollback",
                "cloudformation:CreateChangeSet",
                "cloudformation:RollbackStack",
            ],
            "Resource": [_STACK],
            "Condition": {"ArnEquals": {"cloudformation:RoleArn": [_EXECUTION]}},
        },
        {
            "Sid": "PassExecutionRole",
            "Effect": "Allow",
            "Action": ["iam:PassRole"],
            "Resource": [_EXECUTION],
            "Condition": {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}},
        },
        {
            "Sid": "ReadStagedTemplates",
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": [{"Fn::Sub": f"{_BUCKET}/runbooks/*"}],
        },
        {
            "Sid": "ReadBootstrapVersion",
            "Effect": "Allow",
            "Action": ["ssm:GetParameter", "ssm:GetParameters"],
            "Resource": [
                {
                    "Fn::Sub": f"arn:${{AWS::Partition}}:ssm:{_HERE}:"
                    "parameter/cdk-bootstrap/hnb659fds/version"
                }
            ],
        },
    ]

    assert expected == _statements(administration, "AuthorDeploymentRole")


def test_publishing_role_writes_under_the_authors_prefix_alone(
    administration: dict[str, Any],
) -> None:
    expected = [
        {
            "Sid": "UploadTemplates",
            "Effect": "Allow",
            "Action": ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
            "Resource": [{"Fn::Sub": f"{_BUCKET}/runbooks/*"}],
        },
        {
            "Sid": "FindTemplates",
            "Effect": "Allow",
            "Action": ["s3:ListBucket"],
            "Resource": [{"Fn::Sub": _BUCKET}],
            "Condition": {"StringLike": {"s3:prefix": ["runbooks/*"]}},
        },
        {
            "Sid": "ReadBucketSettings",
            "Effect": "Allow",
            "Action": ["s3:GetBucketLocation", "s3:GetEncryptionConfiguration"],
            "Resource": [{"Fn::Sub": _BUCKET}],
        },
    ]

    assert expected == _statements(administration, "AuthorPublishingRole")


def test_execution_role_writes_this_deployments_documents_and_passes_its_service_role(
    administration: dict[str, Any],
) -> None:
    expected = [
        {
            "Sid": "PassServiceRoles",
            "Effect": "Allow",
            "Action": ["iam:PassRole"],
            "Resource": [
                {
                    "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:"
                    "role/AutomationServiceRole"
                }
            ],
            "Condition": {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
        },
        {
            "Sid": "MakeAndChangeRunbooks",
            "Effect": "Allow",
            "Action": [
                "ssm:AddTagsToResource",
                "ssm:CreateDocument",
                "ssm:DeleteDocument",
                "ssm:DescribeDocument",
                "ssm:GetDocument",
                "ssm:ListTagsForResource",
                "ssm:RemoveTagsFromResource",
                "ssm:UpdateDocument",
                "ssm:UpdateDocumentDefaultVersion",
            ],
            "Resource": [
                {"Fn::Sub": f"arn:${{AWS::Partition}}:ssm:{_HERE}:document/Restart-EC2InstanceDemo"}
            ],
        },
    ]

    assert expected == _statements(administration, "AuthorExecutionRole")


def test_authors_assume_two_roles_and_cloudformation_the_third(
    administration: dict[str, Any],
) -> None:
    trusts = {
        role["RoleName"]: role["AssumeRolePolicyDocument"]
        for role in resources(administration, "AWS::IAM::Role")
        if role["RoleName"] in _ROLES
    }

    authors = _trust("LetAuthorsAssume", {"AWS": list(_AUTHORS)})
    assert trusts == {
        "AuthorDeploymentRole": authors,
        "AuthorPublishingRole": authors,
        "AuthorExecutionRole": _trust(
            "LetCloudFormationAssume", {"Service": "cloudformation.amazonaws.com"}
        ),
    }


def test_each_author_role_holds_its_own_policy_alone(administration: dict[str, Any]) -> None:
    names = {
        id_: resource["Properties"]["ManagedPolicyName"]
        for id_, resource in administration["Resources"].items()
        if resource["Type"] == "AWS::IAM::ManagedPolicy"
    }
    held = {
        role["RoleName"]: [names[policy["Ref"]] for policy in role["ManagedPolicyArns"]]
        for role in resources(administration, "AWS::IAM::Role")
        if role["RoleName"] in _ROLES
    }

    assert held == {role: [f"{role}Permissions"] for role in _ROLES}


def test_authors_may_protect_the_stack_only_where_the_deployment_is_protected() -> None:
    stack = template(
        "AdministrationStack", deployment(authors=_AUTHORS, termination_protection=True)
    )

    (follow, *_) = _statements(stack, "AuthorDeploymentRole")
    assert follow["Action"][-1] == "cloudformation:UpdateTerminationProtection"


def test_without_authors_there_are_no_author_roles() -> None:
    stack = template("AdministrationStack", deployment())

    assert [r["RoleName"] for r in resources(stack, "AWS::IAM::Role")] == ["AutomationServiceRole"]


def _synthesized(folder: Path, context: dict[str, str], **changes: Any) -> dict[str, Any]:
    """The properties of RunbooksStack in a cloud assembly."""
    made = deployment(**changes)
    app = App(analytics_reporting=False, outdir=str(folder), context=context)
    runbooks: dict[str, Runbook] = load_runbooks(made.runbooks)
    add_stacks(app, Configuration(deployments=(made,), runbooks=runbooks))
    app.synth()
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    properties: dict[str, Any] = manifest["artifacts"]["RunbooksStack"]["properties"]
    return properties


def test_runbooks_stack_is_deployed_by_the_authors_roles_under_their_prefix(
    tmp_path: Path,
) -> None:
    properties = _synthesized(tmp_path, {}, authors=_AUTHORS)

    role = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/"
    assert properties["assumeRoleArn"] == f"{role}AuthorDeploymentRole"
    assert properties["cloudFormationExecutionRoleArn"] == f"{role}AuthorExecutionRole"
    assert properties["lookupRole"]["arn"] == f"{role}AuthorDeploymentRole"
    url = properties["stackTemplateAssetObjectUrl"]
    bucket = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"
    assert url.startswith(f"s3://{bucket}/runbooks/")
    assets = json.loads((tmp_path / "RunbooksStack.assets.json").read_text("utf-8"))
    publishing = {
        destination["assumeRoleArn"]
        for file in assets["files"].values()
        for destination in file["destinations"].values()
    }
    assert publishing == {f"{role}AuthorPublishingRole"}


def test_qualifier_of_cdk_bootstrap_is_the_one_of_cdk_json(tmp_path: Path) -> None:
    context = {"@aws-cdk/core:bootstrapQualifier": "team1"}

    properties = _synthesized(tmp_path, context, authors=_AUTHORS)

    bucket = "cdk-team1-assets-${AWS::AccountId}-${AWS::Region}"
    assert properties["stackTemplateAssetObjectUrl"].startswith(f"s3://{bucket}/runbooks/")
    written = (tmp_path / "AdministrationStack.template.json").read_text("utf-8")
    assert f"{bucket}/runbooks/*" in written
    assert "parameter/cdk-bootstrap/team1/version" in written


def test_without_authors_runbooks_stack_is_deployed_by_cdks_own_roles(tmp_path: Path) -> None:
    properties = _synthesized(tmp_path, {})

    assert "cdk-hnb659fds-deploy-role-" in properties["assumeRoleArn"]
    assert "cdk-hnb659fds-cfn-exec-role-" in properties["cloudFormationExecutionRoleArn"]
