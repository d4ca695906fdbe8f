"""AuthorAccess: the roles by which the authors deploy RunbooksStack, and nothing else."""

from collections.abc import Mapping, Sequence

from aws_cdk import DefaultStackSynthesizer
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from delegation import names
from delegation.author_permissions import (
    author_trust,
    deployment_permissions,
    execution_policies,
    execution_trust,
    publishing_permissions,
)
from delegation.model import Deployment
from delegation.statements import Statement
from stacks.managed_policy import managed_policy

_QUALIFIER_CONTEXT = "@aws-cdk/core:bootstrapQualifier"
_DESCRIPTIONS = {
    names.AUTHOR_DEPLOYMENT_ROLE: "Changes RunbooksStack for the authors of runbooks",
    names.AUTHOR_PUBLISHING_ROLE: "Uploads templates of RunbooksStack for the authors of runbooks",
    names.AUTHOR_EXECUTION_ROLE: "Makes the documents of RunbooksStack, for CloudFormation",
}


class AuthorAccess(Construct):
    """What the CDK CLI and CloudFormation assume when an author deploys RunbooksStack.

    They stand in place of the roles of ``cdk bootstrap``, of which one is an administrator.
    """

    def __init__(self, scope: Construct, id_: str, *, deployment: Deployment) -> None:
        super().__init__(scope, id_)
        qualifier = qualifier_of(self)
        author = author_trust(deployment)
        self._build_role(
            names.AUTHOR_DEPLOYMENT_ROLE, author, [deployment_permissions(deployment, qualifier)]
        )
        self._build_role(
            names.AUTHOR_PUBLISHING_ROLE, author, [publishing_permissions(deployment, qualifier)]
        )
        self._build_role(
            names.AUTHOR_EXECUTION_ROLE, execution_trust(), execution_policies(deployment)
        )

    def _build_role(
        self,
        name: str,
        trust: Mapping[str, object],
        policies: Sequence[tuple[Statement, ...]],
    ) -> None:
        scope = Construct(self, names.construct_id(name))
        attached = [
            managed_policy(
                scope,
                names.part(names.role_policy(name), number),
                description=_DESCRIPTIONS[name],
                statements=statements,
            ).ref
            for number, statements in enumerate(policies, start=1)
        ]
        iam.CfnRole(
            scope,
            "Resource",
            role_name=name,
            description=_DESCRIPTIONS[name],
            assume_role_policy_document=trust,
            managed_policy_arns=attached,
        )


def author_synthesizer(scope: IConstruct) -> DefaultStackSynthesizer:
    """Has a stack deployed by the author's roles, its template under the author's prefix.

    ``cdk diff`` reads with what is called the look-up role; without one it would read with the
    author's own credentials, which may do nothing.
    """
    deployment = names.role_arn(names.AUTHOR_DEPLOYMENT_ROLE)
    return DefaultStackSynthesizer(
        qualifier=qualifier_of(scope),
        deploy_role_arn=deployment,
        lookup_role_arn=deployment,
        cloud_formation_execution_role=names.role_arn(names.AUTHOR_EXECUTION_ROLE),
        file_asset_publishing_role_arn=names.role_arn(names.AUTHOR_PUBLISHING_ROLE),
        bucket_prefix=names.STAGING_PREFIX,
    )


def qualifier_of(scope: IConstruct) -> str:
    """The qualifier of ``cdk bootstrap``: cdk.json's, else CDK's own."""
    named = scope.node.try_get_context(_QUALIFIER_CONTEXT)
    return str(named or DefaultStackSynthesizer.DEFAULT_QUALIFIER)
