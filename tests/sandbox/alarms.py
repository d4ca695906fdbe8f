"""An alarm of CloudWatch in the sandbox, in a state."""

from typing import Any


def put_alarm(cloudwatch: Any, name: str, state: str) -> None:
    """Puts an alarm, and its state."""
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        MetricName="5xx",
        Namespace="Web",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")
