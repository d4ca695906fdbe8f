"""What the stacks of a deployment have in common: a fixed name, and a description."""

from aws_cdk import Environment, IStackSynthesizer, Stack, Tags
from constructs import Construct

from delegation.deployment.deployment import Deployment
from stacks.synthesizers import bootstrap_synthesizer

WAVE = "delegation:wave"
"""The type of the metadata of an assembly that says in which group a stack is deployed."""


class DeploymentStack(Stack):
    """A stack of a deployment, under its name in the account, its tags on all that it holds."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        purpose: str,
        deployment: Deployment,
        env: Environment | None,
        synthesizer: IStackSynthesizer | None = None,
    ) -> None:
        super().__init__(
            scope,
            id_,
            env=env,
            stack_name=deployment.naming.named(name),
            description=f"Delegated administration of SSM Automation: {purpose}",
            termination_protection=deployment.termination_protection,
            synthesizer=synthesizer or bootstrap_synthesizer(scope, deployment.bootstrap),
        )
        if deployment.wave > 1:
            self.node.add_metadata(WAVE, deployment.wave)
        for key, value in deployment.tags:
            Tags.of(self).add(key, value)
