"""AuthorAccess: the roles by which the authors deploy RunbooksStack, and nothing else."""

from constructs import Construct

from delegation import names
from delegation.deployment.deployment import Deployment
from delegation.policies.authors import (
    author_trust,
    deployment_permissions,
    execution_policies,
    execution_trust,
    publishing_permissions,
)
from stacks.access.deployment_role import deployment_role
from stacks.synthesizers import qualifier_of

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
