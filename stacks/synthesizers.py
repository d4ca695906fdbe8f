"""By which roles a stack is deployed: those of CDK, a company's own, or the author's."""

from aws_cdk import DefaultStackSynthesizer
from constructs import IConstruct

from delegation import names
from delegation.deployment.bootstrap import Bootstrap

_QUALIFIER_CONTEXT = "@aws-cdk/core:bootstrapQualifier"


def bootstrap_synthesizer(
    scope: IConstruct, bootstrap: Bootstrap
) -> DefaultStackSynthesizer | None:
    """Has a stack deployed by the roles of a company's own bootstrap template; None for CDK's.

    ``cdk diff`` reads with what is called the look-up role, here the one that deploys.
    """
    if not bootstrap.has_roles:
        return None
    return DefaultStackSynthesizer(
        qualifier=qualifier_of(scope),
        deploy_role_arn=bootstrap.deployment_role,
        lookup_role_arn=bootstrap.deployment_role,
        cloud_formation_execution_role=bootstrap.execution_role,
        file_asset_publishing_role_arn=bootstrap.publishing_role,
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
