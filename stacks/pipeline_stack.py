"""PipelineStack: whom AWS trusts among GitHub's jobs, and what each may do; one per account."""

from aws_cdk import Aws, CfnOutput, Environment, Fn
from aws_cdk import aws_iam as iam
from constructs import Construct

from delegation import names
from delegation.deployment.deployment import Deployment
from delegation.deployment.pipelines import GITHUB_ISSUER, GitHubPipeline
from delegation.policies.authors import execution_trust
from delegation.policies.doctor import doctor_permissions
from delegation.policies.pipelines import (
    AUDIENCE,
    administration_permissions,
    administration_trust,
    comparison_permissions,
    doctor_trust,
    review_permissions,
    review_trust,
    runbooks_trust,
)
from stacks.access.deployment_role import deployment_role
from stacks.deployment_stack import DeploymentStack
from stacks.synthesizers import qualifier_of


class PipelineStack(DeploymentStack):
    """The roles that jobs of GitHub Actions assume with GitHub's own token: no key is stored."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        pipeline: GitHubPipeline,
        env: Environment | None = None,
    ) -> None:
        super().__init__(
            scope,
            id_,
            name=names.PIPELINE_STACK,
            purpose="pipelines that deploy it",
            deployment=deployment,
            env=env,
        )
        provider = pipeline.provider or self._build_provider()
        self._build_review(deployment, pipeline, provider)
        deployment_role(
            self,
            names.PIPELINE_DOCTOR_ROLE,
            deployment=deployment,
            description="Compares the account with what was reviewed and may change nothing",
            trust=doctor_trust(pipeline, provider),
            policies=[doctor_permissions()],
        )
        self._build_deployments(deployment, pipeline, provider)
        CfnOutput(
            self,
            "Variables",
            value=Fn.join(" ", [f"AWS_ACCOUNT_ID={Aws.ACCOUNT_ID}", f"AWS_REGION={Aws.REGION}"]),
            description="The repository's variables for its workflows",
        )

    def _build_provider(self) -> str:
        """Whose tokens AWS takes. IAM checks GitHub's certificate itself: no thumbprint is named.

        Source: IAM User Guide, Obtain the thumbprint for an OpenID Connect identity provider.
        """
        return iam.CfnOIDCProvider(
            self, "GitHub", url=f"https://{GITHUB_ISSUER}", client_id_list=[AUDIENCE]
        ).attr_arn

    def _build_review(
        self, deployment: Deployment, pipeline: GitHubPipeline, provider: str
    ) -> None:
        qualifier = qualifier_of(self)
        deployment_role(
            self,
            names.PIPELINE_REVIEW_ROLE,
            deployment=deployment,
            description="Compares templates with the account for pull requests",
            trust=review_trust(pipeline, provider),
            policies=[review_permissions(deployment, qualifier)],
        )
        deployment_role(
            self,
            names.PIPELINE_COMPARISON_ROLE,
            deployment=deployment,
            description="Works out change sets for reviews and may change nothing",
            trust=execution_trust(),
            policies=[comparison_permissions(deployment, qualifier)],
        )

    def _build_deployments(
        self, deployment: Deployment, pipeline: GitHubPipeline, provider: str
    ) -> None:
        deployment_role(
            self,
            names.PIPELINE_ADMINISTRATION_ROLE,
            deployment=deployment,
            description="Deploys AdministrationStack and RunbooksStack from a pipeline",
            trust=administration_trust(pipeline, provider),
            policies=[administration_permissions(deployment, qualifier_of(self))],
        )
        deployment_role(
            self,
            names.PIPELINE_RUNBOOKS_ROLE,
            deployment=deployment,
            description="Deploys RunbooksStack from a pipeline",
            trust=runbooks_trust(pipeline, provider),
        )
