"""ApprovalsStack: topics on which approvers get the message of an approval step, in each Region."""

from aws_cdk import Environment
from aws_cdk import aws_sns as sns
from constructs import Construct

from delegation import names
from delegation.deployment.deployment import Deployment
from delegation.deployment.subscribers import protocol_of
from delegation.policies.audit_resources import tls_policy
from stacks.deployment_stack import DeploymentStack

_KEY = "alias/aws/sns"
"""AWS's own key for SNS: a role of the account may use it by way of SNS, as Automation publishes by
the service role. Source: SNS Developer Guide, Key management."""


class ApprovalsStack(DeploymentStack):
    """A topic for each service role whose approval names people to be notified."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        env: Environment | None = None,
    ) -> None:
        super().__init__(
            scope,
            id_,
            name=names.APPROVALS_STACK,
            purpose="notification of approvers",
            deployment=deployment,
            env=env,
        )
        for name, subscribers in deployment.approval_topics.items():
            folder = Construct(self, names.construct_id(name))
            topic = sns.CfnTopic(
                folder,
                "Topic",
                topic_name=name,
                display_name="Runbooks that wait for approval",
                kms_master_key_id=_KEY,
                subscription=[
                    sns.CfnTopic.SubscriptionProperty(
                        protocol=protocol_of(subscriber), endpoint=subscriber
                    )
                    for subscriber in subscribers
                ],
            )
            sns.CfnTopicPolicy(
                folder, "Policy", topics=[topic.ref], policy_document=tls_policy(topic.ref)
            )
