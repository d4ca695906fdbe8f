"""The statements of the author's roles: deploy this project's runbooks, and nothing else.

The author assumes two of them, to upload a template and to change RunbooksStack; CloudFormation
takes the third to make the documents. ``qualifier`` is that of ``cdk bootstrap``.
"""

from delegation import names
from delegation.deployment.deployment import Deployment
from delegation.policies.quotas import portions
from delegation.policies.staging import find_templates, read_bootstrap_version, staged, use_keys
from delegation.policies.statements import Conditions, Statement, substituted, trust_policy

_CDK = "CDK, what its CLI 2.1148.1 calls, and its bootstrap template"
_CFN_SAR = "Service Authorization Reference, AWS CloudFormation"
_HANDLERS = "CloudFormation resource type AWS::SSM::Document, handlers and their permissions"


def author_trust(deployment: Deployment) -> dict[str, object]:
    """Who may assume the first two: exactly the authors, and the pipelines that deploy for them.

    Named so, a user or role of the same account needs no permission of its own to assume them.
    Source: STS API Reference, AssumeRole.
    """
    return trust_policy(
        "LetAuthorsAssume", {"AWS": [substituted(arn) for arn in deployers(deployment)]}
    )


def deployers(deployment: Deployment) -> tuple[str, ...]:
    """The ARNs of those who may deploy RunbooksStack: the authors, and the pipeline's roles."""
    roles = (names.PIPELINE_ADMINISTRATION_ROLE, names.PIPELINE_RUNBOOKS_ROLE)
    jobs = map(deployment.naming.role_arn, roles) if deployment.pipeline else ()
    return (*deployment.authors, *jobs)


def execution_trust() -> dict[str, object]:
    """Who may assume what CloudFormation takes: CloudFormation, for those who may pass it the role.

    No condition names the stack: CloudFormation is not documented to say for which stack it
    assumes a role. Source: CloudFormation User Guide, CloudFormation service role.
    """
    return trust_policy("LetCloudFormationAssume", {"Service": names.CLOUDFORMATION_SERVICE})


def deployment_permissions(deployment: Deployment, qualifier: str) -> tuple[Statement, ...]:
    """What AuthorDeploymentRole may do: change RunbooksStack, as AuthorExecutionRole."""
    stack = deployment.naming.named(names.RUNBOOKS_STACK)
    stacks = tuple(names.stack_arn(stack, region) for region in deployment.arn_regions)
    execution = deployment.naming.role_arn(names.AUTHOR_EXECUTION_ROLE)
    return (
        Statement(
            sid="FollowAndExecuteChanges",
            actions=(
                "cloudformation:DeleteChangeSet",
                "cloudformation:DeleteStack",
                "cloudformation:DescribeChangeSet",
                "cloudformation:DescribeStackEvents",
                "cloudformation:DescribeStackResources",
                "cloudformation:DescribeStacks",
                "cloudformation:ExecuteChangeSet",
                "cloudformation:GetTemplate",
                *_protection(deployment),
            ),
            resources=stacks,
            why="a deployment of this stack and no other, also after a creation that failed",
            source=_CDK,
        ),
        Statement(
            sid="ChangeAsExecutionRole",
            actions=(
                "cloudformation:ContinueUpdateRollback",
                "cloudformation:CreateChangeSet",
                "cloudformation:RollbackStack",
            ),
            resources=stacks,
            conditions=(("ArnEquals", "cloudformation:RoleArn", (execution,)),),
            why="a change that names no role, or another, would use the role of the last "
            "deployment, which may be an administrator's",
            source=_CFN_SAR,
        ),
        Statement(
            sid="PassExecutionRole",
            actions=("iam:PassRole",),
            resources=(execution,),
            conditions=_passed_to(names.CLOUDFORMATION_SERVICE),
            why="CloudFormation makes the documents with it",
            source=_CFN_SAR,
        ),
        Statement(
            sid="ReadStagedTemplates",
            actions=("s3:GetObject",),
            resources=staged(deployment.arn_regions, qualifier, names.AUTHORS_STAGING_PREFIX),
            why="CloudFormation reads the template with the rights of the change set's caller",
            source=_CDK,
        ),
        *use_keys(deployment, "kms:Decrypt"),
        read_bootstrap_version(deployment.arn_regions, qualifier),
    )


def publishing_permissions(deployment: Deployment, qualifier: str) -> tuple[Statement, ...]:
    """What AuthorPublishingRole may do: upload templates under the author's own prefix.

    CDK's own publishing role writes anywhere in the bucket: anyone who holds it could replace the
    administrator's template between its upload and its change set.
    """
    return (
        Statement(
            sid="UploadTemplates",
            actions=("s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"),
            resources=staged(deployment.arn_regions, qualifier, names.AUTHORS_STAGING_PREFIX),
            why="the templates of RunbooksStack and no other",
            source=_CDK,
        ),
        *find_templates(deployment.arn_regions, qualifier, names.AUTHORS_STAGING_PREFIX),
        *use_keys(deployment, "kms:Decrypt", "kms:GenerateDataKey"),
    )


def execution_policies(deployment: Deployment) -> tuple[tuple[Statement, ...], ...]:
    """What AuthorExecutionRole may do, as the statements of one managed policy each: make and
    change this deployment's documents, and have Automation use this deployment's service roles."""
    first = (
        Statement(
            sid="PassServiceRoles",
            actions=("iam:PassRole",),
            resources=tuple(
                deployment.naming.role_arn(role.name) for role in deployment.service_roles
            ),
            conditions=_passed_to(names.AUTOMATION_SERVICE),
            why="a document embeds its service role",
            source="Systems Manager User Guide, Setting up Automation; Service Authorization "
            "Reference, AWS Identity and Access Management",
        ),
    )
    policies: list[tuple[Statement, ...]] = []
    for runbooks in portions(
        deployment.documents,
        lambda runbooks: _documents(deployment, runbooks),
        lambda runbook: _arns(deployment, runbook),
        first=first,
    ):
        policies.append((*(() if policies else first), *_documents(deployment, runbooks)))
    return tuple(policies)


def _documents(deployment: Deployment, runbooks: tuple[str, ...]) -> tuple[Statement, ...]:
    statement = Statement(
        sid="MakeAndChangeRunbooks",
        actions=(
            "ssm:AddTagsToResource",
            "ssm:CreateDocument",
            "ssm:DeleteDocument",
            "ssm:DescribeDocument",
            "ssm:GetDocument",
            "ssm:ListTagsForResource",
            "ssm:RemoveTagsFromResource",
            "ssm:UpdateDocument",
            "ssm:UpdateDocumentDefaultVersion",
        ),
        resources=tuple(arn for runbook in runbooks for arn in _arns(deployment, runbook)),
        why="the documents that deployments.py names; a further one is the administrator's to name",
        source=_HANDLERS,
    )
    return (statement,)


def _arns(deployment: Deployment, runbook: str) -> tuple[str, ...]:
    return tuple(names.ssm_arn(f"document/{runbook}", r) for r in deployment.arn_regions)


def _protection(deployment: Deployment) -> tuple[str, ...]:
    """The CLI turns termination protection on after the creation, where it is asked for."""
    return (
        ("cloudformation:UpdateTerminationProtection",) if deployment.termination_protection else ()
    )


def _passed_to(service: str) -> Conditions:
    return (("StringEquals", "iam:PassedToService", service),)
