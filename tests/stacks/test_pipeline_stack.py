"""PipelineStack: exactly which jobs AWS trusts, and what each may do, compared whole."""

from typing import Any

import pytest

from account.policy import doctor_policy
from delegation.model import Deployment, GitHubPipeline
from tests.stacks.synthesis import app_of, deployment, policy, resources, template

_GITHUB = "token.actions.githubusercontent.com"
_PIPELINE = GitHubPipeline(repositories=("octo-org/runbooks",))
_HERE = "${AWS::Region}:${AWS::AccountId}"
_CLOUDFORMATION = "arn:${AWS::Partition}:cloudformation:" + _HERE
_STACKS = [
    {"Fn::Sub": f"{_CLOUDFORMATION}:stack/{stack}/*"}
    for stack in ("PipelineStack", "AdministrationStack", "RunbooksStack")
]
_BUCKET = "arn:${AWS::Partition}:s3:::cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"
_COMPARISON = {
    "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/PipelineComparisonRole"
}
_VERSION = {
    "Sid": "ReadBootstrapVersion",
    "Effect": "Allow",
    "Action": ["ssm:GetParameter", "ssm:GetParameters"],
    "Resource": [
        {
            "Fn::Sub": f"arn:${{AWS::Partition}}:ssm:{_HERE}:"
            "parameter/cdk-bootstrap/hnb659fds/version"
        }
    ],
}


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    """PipelineStack of one repository."""
    return template("PipelineStack", deployment(pipeline=_PIPELINE))


def _trust(stack: dict[str, Any], role: str) -> dict[str, Any]:
    (found,) = [r for r in resources(stack, "AWS::IAM::Role") if r["RoleName"] == role]
    trust: dict[str, Any] = found["AssumeRolePolicyDocument"]
    return trust


def _jobs(provider: Any, conditions: dict[str, Any]) -> dict[str, Any]:
    statement = {
        "Sid": "LetJobsAssume",
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": conditions},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def test_githubs_tokens_for_aws_are_taken(stack: dict[str, Any]) -> None:
    expected = {"Url": f"https://{_GITHUB}", "ClientIdList": ["sts.amazonaws.com"]}

    assert [expected] == resources(stack, "AWS::IAM::OIDCProvider")


@pytest.mark.parametrize(
    ("role", "claims"),
    [
        (
            "PipelineReviewRole",
            {
                "sub": [
                    "repo:octo-org/runbooks:pull_request",
                    "repo:octo-org/runbooks:ref:refs/heads/main",
                ]
            },
        ),
        (
            "PipelineDoctorRole",
            {"sub": ["repo:octo-org/runbooks:ref:refs/heads/main"]},
        ),
        (
            "PipelineAdministrationRole",
            {
                "sub": ["repo:octo-org/runbooks:environment:administration"],
                "ref": ["refs/heads/main"],
            },
        ),
        (
            "PipelineRunbooksRole",
            {"sub": ["repo:octo-org/runbooks:environment:runbooks"], "ref": ["refs/heads/main"]},
        ),
    ],
)
def test_role_is_assumed_by_the_named_jobs_alone(
    stack: dict[str, Any], role: str, claims: dict[str, list[str]]
) -> None:
    conditions = {f"{_GITHUB}:{claim}": values for claim, values in claims.items()}
    provider = {"Fn::GetAtt": ["GitHub", "Arn"]}

    expected = _jobs(provider, {f"{_GITHUB}:aud": "sts.amazonaws.com", **conditions})

    assert expected == _trust(stack, role)


def test_every_repository_and_branch_is_named_in_full() -> None:
    pipeline = GitHubPipeline(
        repositories=("octo-org@1/runbooks@2", "octo-org/admin"), branches=("main", "release/1")
    )

    trust = _trust(
        template("PipelineStack", deployment(pipeline=pipeline)), "PipelineAdministrationRole"
    )

    expected = {
        f"{_GITHUB}:aud": "sts.amazonaws.com",
        f"{_GITHUB}:sub": [
            "repo:octo-org@1/runbooks@2:environment:administration",
            "repo:octo-org/admin:environment:administration",
        ],
        f"{_GITHUB}:ref": ["refs/heads/main", "refs/heads/release/1"],
    }
    assert expected == trust["Statement"][0]["Condition"]["StringEquals"]


def test_existing_provider_is_used_and_none_made() -> None:
    provider = f"arn:aws:iam::111122223333:oidc-provider/{_GITHUB}"
    pipeline = GitHubPipeline(repositories=("octo-org/runbooks",), provider=provider)

    stack = template("PipelineStack", deployment(pipeline=pipeline))

    assert resources(stack, "AWS::IAM::OIDCProvider") == []
    expected = _jobs(
        provider,
        {
            f"{_GITHUB}:aud": "sts.amazonaws.com",
            f"{_GITHUB}:sub": ["repo:octo-org/runbooks:environment:runbooks"],
            f"{_GITHUB}:ref": ["refs/heads/main"],
        },
    )
    assert expected == _trust(stack, "PipelineRunbooksRole")


def test_review_role_compares_and_changes_nothing(stack: dict[str, Any]) -> None:
    expected = [
        {
            "Sid": "ReadStacks",
            "Effect": "Allow",
            "Action": ["cloudformation:DescribeStacks", "cloudformation:GetTemplate"],
            "Resource": _STACKS,
        },
        {
            "Sid": "CompareAsComparisonRole",
            "Effect": "Allow",
            "Action": ["cloudformation:CreateChangeSet"],
            "Resource": _STACKS,
            "Condition": {
                "ArnEquals": {"cloudformation:RoleArn": [_COMPARISON]},
                "StringLike": {"cloudformation:ChangeSetName": ["cdk-diff-change-set-*"]},
            },
        },
        {
            "Sid": "ReadAndRemoveComparisons",
            "Effect": "Allow",
            "Action": ["cloudformation:DeleteChangeSet", "cloudformation:DescribeChangeSet"],
            "Resource": _STACKS,
            "Condition": {
                "StringLikeIfExists": {
                    "cloudformation:ChangeSetName": [
                        "cdk-diff-change-set-*",
                        "arn:*:changeSet/cdk-diff-change-set-*",
                    ]
                }
            },
        },
        {
            "Sid": "PassComparisonRole",
            "Effect": "Allow",
            "Action": ["iam:PassRole"],
            "Resource": [_COMPARISON],
            "Condition": {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}},
        },
        {
            "Sid": "StageTemplates",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": [{"Fn::Sub": f"{_BUCKET}/review/*"}],
        },
        {
            "Sid": "FindTemplates",
            "Effect": "Allow",
            "Action": ["s3:ListBucket"],
            "Resource": [{"Fn::Sub": _BUCKET}],
            "Condition": {"StringLike": {"s3:prefix": ["review/*"]}},
        },
        {
            "Sid": "ReadBucketSettings",
            "Effect": "Allow",
            "Action": ["s3:GetBucketLocation", "s3:GetEncryptionConfiguration"],
            "Resource": [{"Fn::Sub": _BUCKET}],
        },
        _VERSION,
    ]

    assert expected == policy(stack, "PipelineReviewRolePermissions")["PolicyDocument"]["Statement"]


def test_comparison_role_may_read_one_parameter(stack: dict[str, Any]) -> None:
    statements = policy(stack, "PipelineComparisonRolePermissions")["PolicyDocument"]["Statement"]
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "LetCloudFormationAssume",
                "Effect": "Allow",
                "Principal": {"Service": "cloudformation.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }

    assert statements == [_VERSION]
    assert trust == _trust(stack, "PipelineComparisonRole")


def test_doctor_role_reads_what_the_doctor_calls_and_nothing_else(stack: dict[str, Any]) -> None:
    found = policy(stack, "PipelineDoctorRolePermissions")["PolicyDocument"]["Statement"]
    (wanted,) = doctor_policy()["Statement"]

    assert {(each["Effect"], *each["Resource"]) for each in found} == {("Allow", "*")}
    assert {frozenset(each) for each in found} == {
        frozenset(("Sid", "Effect", "Action", "Resource"))
    }
    assert sorted(action for each in found for action in each["Action"]) == sorted(wanted["Action"])


def test_administration_role_assumes_what_deploys_its_stack() -> None:
    regions = ("eu-west-1", "us-east-1")
    stack = template("PipelineStack", deployment(regions=regions, pipeline=_PIPELINE))
    role = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/cdk-hnb659fds"
    expected = [
        {
            "Sid": "AssumeBootstrapRoles",
            "Effect": "Allow",
            "Action": ["sts:AssumeRole"],
            "Resource": [
                {"Fn::Sub": f"{role}-deploy-role-${{AWS::AccountId}}-eu-west-1"},
                {"Fn::Sub": f"{role}-file-publishing-role-${{AWS::AccountId}}-eu-west-1"},
            ],
        }
    ]

    assert (
        expected
        == policy(stack, "PipelineAdministrationRolePermissions")["PolicyDocument"]["Statement"]
    )


def test_roles_hold_their_one_policy_and_the_runbooks_role_none(stack: dict[str, Any]) -> None:
    held = {
        role["RoleName"]: len(role.get("ManagedPolicyArns", ()))
        for role in resources(stack, "AWS::IAM::Role")
    }

    expected = {
        "PipelineReviewRole": 1,
        "PipelineComparisonRole": 1,
        "PipelineDoctorRole": 1,
        "PipelineAdministrationRole": 1,
        "PipelineRunbooksRole": 0,
    }
    assert expected == held
    assert all("Policies" not in role for role in resources(stack, "AWS::IAM::Role"))


@pytest.mark.parametrize("authors", [(), ("arn:aws:iam::111122223333:user/author",)])
def test_authors_roles_trust_the_roles_that_deploy(authors: tuple[str, ...]) -> None:
    administration = template(
        "AdministrationStack", deployment(authors=authors, pipeline=_PIPELINE)
    )
    role = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role"
    expected = [
        *authors,
        {"Fn::Sub": f"{role}/PipelineAdministrationRole"},
        {"Fn::Sub": f"{role}/PipelineRunbooksRole"},
    ]

    for name in ("AuthorDeploymentRole", "AuthorPublishingRole"):
        (statement,) = _trust(administration, name)["Statement"]
        assert statement["Principal"] == {"AWS": expected}


@pytest.mark.parametrize(
    ("wanted", "stacks"),
    [
        (
            deployment(pipeline=_PIPELINE),
            ["PipelineStack", "AdministrationStack", "RunbooksStack"],
        ),
        (
            deployment(account="111122223333", regions=("eu-west-1",), pipeline=_PIPELINE),
            [
                "PipelineStack-111122223333",
                "AdministrationStack-111122223333",
                "RunbooksStack-111122223333-eu-west-1",
            ],
        ),
        (deployment(), ["AdministrationStack", "RunbooksStack"]),
    ],
)
def test_pipeline_stands_before_what_trusts_it(wanted: Deployment, stacks: list[str]) -> None:
    assembly = app_of(wanted).synth()

    assert stacks == [stack.hierarchical_id for stack in assembly.stacks]
