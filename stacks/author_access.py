"""AuthorAccess: the roles by which the authors deploy RunbooksStack, and nothing else."""

from aws_cdk import DefaultStackSynthesizer
from constructs import Construct, IConstruct

from delegation import names
from delegation.deployment.deployment import Deployment
from delegation.policies.authors import (
    author_trust,
    deployment_permissions,
    execution_policies,
    execution_trust,
    publishing_permissions,
)
from stacks.deployment_role import deployment_role

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
        for name, trust, policies in (
            (names.AUTHOR_DEPLOYMENT_ROLE, author, [deployment_permissions(deployment, qualifier)]),
            (names.AUTHOR_PUBLISHING_ROLE, author, [publishing_permissions(deployment, qualifier)]),
            (names.AUTHOR_EXECUTION_ROLE, execution_trust(), execution_policies(deployment)),
        ):
            deployment_role(
                self,
                name,
                description=_DESCRIPTIONS[name],
                trust=trust,
                deployment=deployment,
                policies=policies,
            )


def author_synthesizer(scope: IConstruct, naming: names.Naming) -> DefaultStackSynthesizer:
    """Has a stack deployed by the author's roles, its template under the author's prefix.

    ``cdk diff`` reads with what is called the look-up role; without one it would read with the
    author's own credentials, which may do nothing.
    """
    deployment = naming.role_arn(names.AUTHOR_DEPLOYMENT_ROLE)
    return DefaultStackSynthesizer(
        qualifier=qualifier_of(scope),
        deploy_role_arn=deployment,
        lookup_role_arn=deployment,
        cloud_formation_execution_role=naming.role_arn(names.AUTHOR_EXECUTION_ROLE),
        file_asset_publishing_role_arn=naming.role_arn(names.AUTHOR_PUBLISHING_ROLE),
        bucket_prefix=names.AUTHORS_STAGING_PREFIX,
    )


def qualifier_of(scope: IConstruct) -> str:
    """The qualifier of ``cdk bootstrap``: cdk.json's, else CDK's own."""
    named = scope.node.try_get_context(_QUALIFIER_CONTEXT)
    return str(named or DefaultStackSynthesizer.DEFAULT_QUALIFIER)
