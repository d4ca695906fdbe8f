"""SchedulesStack: when runbooks are started by nobody, one stack in each Region, the
administrator's."""

import json

from aws_cdk import CfnOutput, Environment, Fn
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from delegation import names
from delegation.deployment.deployment import Deployment
from delegation.deployment.schedules import Schedule
from delegation.policies.schedules import group_name, queue_name, queue_policy
from stacks.acknowledgement import acknowledge, in_standards
from stacks.deployment_stack import DeploymentStack

START_AUTOMATION = "arn:${AWS::Partition}:scheduler:::aws-sdk:ssm:startAutomationExecution"
"""Source: EventBridge Scheduler User Guide, Using universal targets."""
RETRIES = 3
RETRY_SECONDS = 3600
"""How often, and for how long, EventBridge Scheduler tries a start again."""
_KEPT_SECONDS = 14 * 24 * 3600
_ALARM_SECONDS = 300

_IS_DEAD_LETTER_QUEUE = "it is the dead-letter queue of the schedules, and nothing reads from it"
_EVENTS_NOTIFY = (
    "AuditStack notifies of the alarm by its event of a state change, whose message says what to do"
)


class SchedulesStack(DeploymentStack):
    """A group with the schedules, and a queue with an alarm for what was not started."""

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
            name=names.SCHEDULES_STACK,
            purpose="schedules",
            deployment=deployment,
            env=env,
        )
        self._deployment = deployment
        queue = self._build_queue()
        group = scheduler.CfnScheduleGroup(self, "Group", name=group_name(deployment))
        folder = Construct(self, "Schedules")
        for schedule in deployment.schedules:
            made = self._build_schedule(folder, schedule)
            made.add_resource_dependency(group)
            made.add_resource_dependency(queue)

    def _build_queue(self) -> sqs.CfnQueue:
        """Where EventBridge Scheduler puts what it could not start, and the alarm on it."""
        name = queue_name(self._deployment)
        arn = names.queue_arn(name, names.ANY_REGION)
        queue = sqs.CfnQueue(
            self,
            "NotStarted",
            queue_name=name,
            message_retention_period=_KEPT_SECONDS,
            sqs_managed_sse_enabled=True,
        )
        acknowledge(queue, {"AwsSolutions-SQS3": _IS_DEAD_LETTER_QUEUE})
        sqs.CfnQueuePolicy(
            self, "NotStartedPolicy", queues=[queue.ref], policy_document=queue_policy(arn)
        )
        alarm = cloudwatch.CfnAlarm(
            self,
            "NotStartedAlarm",
            alarm_name=name,
            alarm_description="A schedule has not started its runbook",
            namespace="AWS/SQS",
            metric_name="ApproximateNumberOfMessagesVisible",
            dimensions=[cloudwatch.CfnAlarm.DimensionProperty(name="QueueName", value=name)],
            statistic="Maximum",
            period=_ALARM_SECONDS,
            evaluation_periods=1,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
        )
        acknowledge(alarm, in_standards("CloudWatchAlarmAction", _EVENTS_NOTIFY))
        CfnOutput(self, "NotStartedQueue", value=queue.ref, description="What was not started")
        return queue

    def _build_schedule(self, folder: Construct, schedule: Schedule) -> scheduler.CfnSchedule:
        deployment = self._deployment
        return scheduler.CfnSchedule(
            folder,
            names.construct_id(schedule.name),
            name=schedule.name,
            group_name=group_name(deployment),
            schedule_expression=schedule.at,
            schedule_expression_timezone=schedule.time_zone,
            start_date=schedule.begins,
            end_date=schedule.ends,
            state="DISABLED" if schedule.paused else "ENABLED",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=Fn.sub(START_AUTOMATION),
                role_arn=Fn.sub(deployment.naming.role_arn(names.SCHEDULE_ROLE)),
                input=json.dumps({"DocumentName": schedule.starts}),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_retry_attempts=RETRIES, maximum_event_age_in_seconds=RETRY_SECONDS
                ),
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(
                    arn=Fn.sub(names.queue_arn(queue_name(deployment), names.ANY_REGION))
                ),
            ),
        )
