"""AuditStack: what happens to a deployment is recorded and reported, one stack in each Region."""

import json
from collections.abc import Iterable

from aws_cdk import Aws, CfnCondition, CfnOutput, Environment, Fn
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

from aws_facts.partitions import IAM_HOMES
from delegation import names
from delegation.deployment.audit import Audit
from delegation.deployment.deployment import Deployment
from delegation.deployment.regions import iam_home
from delegation.deployment.subscribers import protocol_of
from delegation.policies.audit_resources import key_policy, log_policy, topic_policy
from delegation.policies.event_patterns import (
    Pattern,
    access_patterns,
    bad_end_patterns,
    document_patterns,
    lock_patterns,
    not_started_patterns,
    run_patterns,
    schedule_patterns,
)
from stacks.acknowledgement import acknowledge, in_standards
from stacks.deployment_stack import DeploymentStack

_BAD_END = (
    {
        "runbook": "$.detail.Definition",
        "status": "$.detail.Status",
        "by": "$.detail.ExecutedBy",
        "run": "$.detail.ExecutionId",
        "region": "$.region",
        "account": "$.account",
    },
    '"<runbook> ended as <status> in <account>, <region>. Started by <by>. What happened: '
    'python -m operate audit <run> --region <region>"',
)
_CHANGE = (
    {
        "call": "$.detail.eventName",
        "by": "$.detail.userIdentity.arn",
        "time": "$.detail.eventTime",
        "id": "$.detail.eventID",
        "region": "$.region",
        "account": "$.account",
    },
    '"<call> by <by> at <time> changed what delegation rests on in <account>, <region>. '
    'What it was: event <id> of CloudTrail."',
)
_NOT_STARTED = (
    {
        "alarm": "$.detail.alarmName",
        "time": "$.time",
        "region": "$.region",
        "account": "$.account",
    },
    '"<alarm> at <time>: a schedule has not started its runbook in <account>, <region>. What and '
    'why: aws sqs receive-message, from the queue of the same name."',
)
"""What a message is made of, and its text. Source: EventBridge User Guide, Input transformation."""

_NO_CUSTOMER_KEY = (
    "CloudWatch Logs encrypts every log group with a key of its own; events of runs show names and "
    "states, no parameters (CloudWatch Logs User Guide, Encrypt log data)"
)


class AuditStack(DeploymentStack):
    """Rules of EventBridge for a deployment's runs and for changes to what it rests on; a log group
    that keeps every such event, and a topic that is notified of bad ends and changes.

    Native resources only: CDK's own target for log groups brings a Lambda function with it.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        audit: Audit,
        env: Environment | None = None,
    ) -> None:
        super().__init__(
            scope,
            id_,
            name=names.AUDIT_STACK,
            purpose="the audit",
            deployment=deployment,
            env=env,
        )
        region = env.region if env else None
        self._naming = deployment.naming
        self._log_group = self._naming.named(names.RUNS_LOG_GROUP)
        self._build_log(audit)
        self._topic = self._build_topic(audit)
        if region is None or region in deployment.regions:
            self._build_rules("Runs", run_patterns(deployment), kept=True)
            self._build_rules("BadEnds", bad_end_patterns(deployment), message=_BAD_END)
            changes = document_patterns(deployment)
            self._build_rules("DocumentChanges", changes, kept=True, message=_CHANGE)
            self._build_rules("LockChanges", lock_patterns(deployment), kept=True)
            scheduled = schedule_patterns(deployment)
            self._build_rules("ScheduleChanges", scheduled, kept=True, message=_CHANGE)
            self._build_rules("NotStarted", not_started_patterns(deployment), message=_NOT_STARTED)
        if region is None or region == iam_home(region):
            self._build_rules(
                "AccessChanges",
                access_patterns(deployment),
                kept=True,
                message=_CHANGE,
                condition=None if region else self._build_condition(),
            )

    def _build_log(self, audit: Audit) -> None:
        """The log group, and a policy that lets this stack's rules write to it."""
        log = logs.CfnLogGroup(
            self,
            "Log",
            log_group_name=self._log_group,
            retention_in_days=audit.keep_days,
        )
        acknowledge(log, in_standards("CloudWatchLogGroupEncrypted", _NO_CUSTOMER_KEY))
        logs.CfnResourcePolicy(
            self,
            "LogPolicy",
            policy_name=self._naming.named(names.AUDIT_STACK),
            policy_document=Fn.sub(json.dumps(log_policy(self._naming))),
        )
        CfnOutput(self, "LogGroup", value=self._log_group, description="Every event of runs")

    def _build_topic(self, audit: Audit) -> sns.CfnTopic:
        """The topic, encrypted with a key that EventBridge may use: AWS's own key for SNS cannot
        be shared with it."""
        key = kms.CfnKey(
            self,
            "TopicKey",
            description="Encrypts the messages of AuditStack",
            enable_key_rotation=True,
            pending_window_in_days=7,
            key_policy=key_policy(),
        )
        topic = sns.CfnTopic(
            self,
            "Topic",
            display_name="Delegated runbooks",
            kms_master_key_id=key.ref,
            subscription=[
                sns.CfnTopic.SubscriptionProperty(
                    protocol=protocol_of(subscriber), endpoint=subscriber
                )
                for subscriber in audit.subscribers
            ]
            or None,
        )
        sns.CfnTopicPolicy(
            self, "TopicPolicy", topics=[topic.ref], policy_document=topic_policy(topic.ref)
        )
        CfnOutput(self, "TopicArn", value=topic.ref, description="Bad ends of runs, and changes")
        return topic

    def _build_rules(
        self,
        id_: str,
        patterns: Iterable[Pattern],
        *,
        kept: bool = False,
        message: tuple[dict[str, str], str] | None = None,
        condition: CfnCondition | None = None,
    ) -> None:
        """A rule for each pattern, whose events are kept in the log, reported by the topic, or
        both. The log's policy knows the rules by the stack's name, which a name that CloudFormation
        makes may cut."""
        targets = []
        if kept:
            log = Fn.sub(names.log_group_arn(self._log_group, names.ANY_REGION))
            targets.append(events.CfnRule.TargetProperty(id="Log", arn=log))
        if message:
            paths, text = message
            transformer = events.CfnRule.InputTransformerProperty(
                input_template=text, input_paths_map=paths
            )
            targets.append(
                events.CfnRule.TargetProperty(
                    id="Topic", arn=self._topic.ref, input_transformer=transformer
                )
            )
        folder = Construct(self, id_)
        for number, pattern in enumerate(patterns, start=1):
            rule = events.CfnRule(
                folder,
                f"Rule{number}",
                name=f"{self.stack_name}-{id_}{number}",
                event_pattern=pattern,
                state="ENABLED",
                targets=targets,
            )
            rule.cfn_options.condition = condition

    def _build_condition(self) -> CfnCondition:
        """Whether the stack goes to a Region that receives events of IAM."""
        return CfnCondition(
            self,
            "ReceivesIamEvents",
            expression=Fn.condition_or(
                *(Fn.condition_equals(Aws.REGION, region) for region in IAM_HOMES.values())
            ),
        )
