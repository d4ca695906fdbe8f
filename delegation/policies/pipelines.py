"""The statements of the pipeline's roles: a review reads, a deployment assumes what deploys.

``qualifier`` is that of ``cdk bootstrap``.
"""

from delegation import names
from delegation.deployment.deployment import Deployment
from delegation.deployment.pipelines import GITHUB_ISSUER, GitHubPipeline
from delegation.policies.staging import find_templates, read_bootstrap_version, staged, use_keys
from delegation.policies.statements import Conditions, Statement, trust_policy

AUDIENCE = "sts.amazonaws.com"
"""For whom GitHub's tokens are made. Source: GitHub Docs, OpenID Connect in AWS."""

_CDK = "CDK, what its CLI 2.1148.1 calls, and its bootstrap template"
_CFN_SAR = "Service Authorization Reference, AWS CloudFormation"
_CHANGE_SET = "cdk-diff-change-set-*"
"""How ``cdk diff`` calls its change sets."""


def review_trust(pipeline: GitHubPipeline, provider: object) -> dict[str, object]:
    """Who may assume PipelineReviewRole: jobs of pull requests and of the named branches."""
    return _trust(pipeline, provider, pipeline.review_subjects)


def doctor_trust(pipeline: GitHubPipeline, provider: object) -> dict[str, object]:
    """Who may assume PipelineDoctorRole: jobs of the named branches, as scheduled ones are."""
    return _trust(pipeline, provider, pipeline.doctor_subjects)


def administration_trust(pipeline: GitHubPipeline, provider: object) -> dict[str, object]:
    """Who may assume PipelineAdministrationRole: jobs of its environment, on a named branch."""
    return _trust(pipeline, provider, pipeline.administration_subjects, _branches(pipeline))


def runbooks_trust(pipeline: GitHubPipeline, provider: object) -> dict[str, object]:
    """Who may assume PipelineRunbooksRole: jobs of its environment, on a named branch."""
    return _trust(pipeline, provider, pipeline.runbooks_subjects, _branches(pipeline))


def review_permissions(deployment: Deployment, qualifier: str) -> tuple[Statement, ...]:
    """What PipelineReviewRole may do: what ``cdk diff`` by change set takes, and nothing else.

    It neither executes a change set nor writes where a template is deployed from: CDK takes a
    template that lies under its key in the bucket for the right one.
    """
    return (
        Statement(
            sid="ReadStacks",
            actions=("cloudformation:DescribeStacks", "cloudformation:GetTemplate"),
            resources=_stacks(deployment),
            why="what is deployed now",
            source=_CDK,
        ),
        *_comparing(deployment),
        Statement(
            sid="StageTemplates",
            actions=("s3:GetObject", "s3:PutObject"),
            resources=staged(deployment.stack_regions, qualifier, names.REVIEW_STAGING_PREFIX),
            why="CloudFormation reads them there to compare; nothing is deployed from there",
            source=_CDK,
        ),
        *find_templates(deployment.stack_regions, qualifier, names.REVIEW_STAGING_PREFIX),
        *use_keys(deployment, "kms:Decrypt", "kms:GenerateDataKey"),
        *comparison_permissions(deployment, qualifier),
    )


def _comparing(deployment: Deployment) -> tuple[Statement, ...]:
    """What a change set takes that nobody executes."""
    stacks = _stacks(deployment)
    comparison = deployment.naming.role_arn(names.PIPELINE_COMPARISON_ROLE)
    return (
        Statement(
            sid="CompareAsComparisonRole",
            actions=("cloudformation:CreateChangeSet",),
            resources=stacks,
            conditions=(
                ("ArnEquals", "cloudformation:RoleArn", (comparison,)),
                ("StringLike", "cloudformation:ChangeSetName", (_CHANGE_SET,)),
            ),
            why="a change set of a role that may do nothing, under a name that nobody deploys",
            source=_CFN_SAR,
        ),
        Statement(
            sid="ReadAndRemoveComparisons",
            actions=("cloudformation:DeleteChangeSet", "cloudformation:DescribeChangeSet"),
            resources=stacks,
            conditions=(
                (
                    "StringLikeIfExists",
                    "cloudformation:ChangeSetName",
                    (_CHANGE_SET, f"arn:*:changeSet/{_CHANGE_SET}"),
                ),
            ),
            why="the CDK CLI names its change sets by name and by ARN",
            source=_CDK,
        ),
        Statement(
            sid="PassComparisonRole",
            actions=("iam:PassRole",),
            resources=(comparison,),
            conditions=(("StringEquals", "iam:PassedToService", names.CLOUDFORMATION_SERVICE),),
            why="CloudFormation works out a change set with it",
            source=_CFN_SAR,
        ),
    )


def comparison_permissions(deployment: Deployment, qualifier: str) -> tuple[Statement, ...]:
    """What PipelineComparisonRole may do: read the parameter that every template of CDK names."""
    return (read_bootstrap_version(deployment.stack_regions, qualifier),)


def administration_permissions(deployment: Deployment, qualifier: str) -> tuple[Statement, ...]:
    """What PipelineAdministrationRole may do: assume what deploys AdministrationStack, AuditStack
    and ApprovalsStack.

    What deploys RunbooksStack names the role in its trust, as it names the authors.
    """
    of_approvals = deployment.arn_regions if deployment.approval_topics else ()
    homes = dict.fromkeys((deployment.arn_regions[0], *deployment.audit_regions, *of_approvals))
    return (
        Statement(
            sid="AssumeBootstrapRoles",
            actions=("sts:AssumeRole",),
            resources=tuple(
                dict.fromkeys(
                    arn.replace(names.ANY_REGION, home)
                    if arn
                    else names.bootstrap_role_arn(purpose, qualifier, home)
                    for home in homes
                    for purpose, arn in (
                        ("deploy", deployment.bootstrap.deployment_role),
                        ("file-publishing", deployment.bootstrap.publishing_role),
                    )
                )
            ),
            why="the roles of cdk bootstrap that deploy the stacks of administrators, and with "
            "them anything",
            source=_CDK,
        ),
    )


def _trust(
    pipeline: GitHubPipeline,
    provider: object,
    subjects: tuple[str, ...],
    branches: Conditions = (),
) -> dict[str, object]:
    return trust_policy(
        "LetJobsAssume",
        {"Federated": provider},
        action="sts:AssumeRoleWithWebIdentity",
        conditions=(
            ("StringEquals", f"{GITHUB_ISSUER}:aud", AUDIENCE),
            ("StringEquals", f"{GITHUB_ISSUER}:sub", subjects),
            *branches,
        ),
    )


def _branches(pipeline: GitHubPipeline) -> Conditions:
    """That a job runs on a named branch: its subject shows the environment alone.

    Source: IAM User Guide, Available keys for AWS OIDC federation.
    """
    refs = tuple(f"refs/heads/{branch}" for branch in pipeline.branches)
    return (("StringEquals", f"{GITHUB_ISSUER}:ref", refs),)


def _stacks(deployment: Deployment) -> tuple[str, ...]:
    home = deployment.arn_regions[:1]
    return tuple(
        names.stack_arn(deployment.naming.named(stack), region)
        for stack, regions in (
            (names.PIPELINE_STACK, home),
            (names.ADMINISTRATION_STACK, home),
            (names.RUNBOOKS_STACK, deployment.arn_regions),
            (names.AUDIT_STACK, deployment.audit_regions),
            (names.APPROVALS_STACK, deployment.arn_regions if deployment.approval_topics else ()),
            (names.SCHEDULES_STACK, deployment.arn_regions if deployment.schedules else ()),
        )
        for region in regions
    )
