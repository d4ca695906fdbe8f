"""The trail as the review sees it: what it receives, and whom its resources let in."""

from collections.abc import Callable
from typing import Any

import pytest

from delegation.model import Audit, IamUser
from review.access_review import Review, review
from review.diff.changes import change
from review.errors import ReviewError
from review.iam.engine import Engine
from review.invariants.invariant import Invariant
from tests.review.conftest import DEFAULT, Synthesize
from tests.review.mutants import mutated
from tests.stacks.synthesis import deployment

AUDITED = deployment(audit=Audit(auditors=(IamUser("auditor"),), subscribers=("a@example.com",)))
Mutate = Callable[[dict[str, Any]], None]


def _invariant(reviewed: Review) -> Invariant:
    (found,) = [p for p in reviewed.accounts[0].invariants if p.id == "audit-receives-everything"]
    return found


def _rule(body: dict[str, Any], beginning: str) -> dict[str, Any]:
    """The first rule whose logical id begins so."""
    return next(
        dict(resource["Properties"])
        for id_, resource in body["Resources"].items()
        if id_.startswith(beginning)
    )


def _without_rule(body: dict[str, Any], beginning: str) -> None:
    (id_,) = [id_ for id_ in body["Resources"] if id_.startswith(beginning)]
    del body["Resources"][id_]


def _disabled(body: dict[str, Any], beginning: str) -> None:
    for id_, resource in body["Resources"].items():
        if id_.startswith(beginning) and resource["Type"] == "AWS::Events::Rule":
            resource["Properties"]["State"] = "DISABLED"


def _elsewhere(body: dict[str, Any], beginning: str) -> None:
    for id_, resource in body["Resources"].items():
        if id_.startswith(beginning):
            pattern = resource["Properties"]["EventPattern"]
            pattern["detail"] = {"Definition": ["Another"]}


def _fewer_statuses(body: dict[str, Any]) -> None:
    _rule(body, "BadEnds")["EventPattern"]["detail"]["Status"].remove("TimedOut")


def _not_reported(body: dict[str, Any]) -> None:
    targets = _rule(body, "DocumentChanges")["Targets"]
    targets[:] = [target for target in targets if target["Id"] == "Log"]


_GAPS: dict[str, tuple[Mutate, str]] = {
    "no rule for runs": (
        lambda body: _without_rule(body, "Runs"),
        "the log in us-east-1 does not receive executions of Restart-EC2InstanceDemo",
    ),
    "rule for runs off": (
        lambda body: _disabled(body, "Runs"),
        "the log in us-east-1 does not receive executions of Restart-EC2InstanceDemo",
    ),
    "rule for runs of another": (
        lambda body: _elsewhere(body, "Runs"),
        "the log in us-east-1 does not receive executions of Restart-EC2InstanceDemo",
    ),
    "time-outs not reported": (
        _fewer_statuses,
        "the topic in us-east-1 does not receive bad ends of Restart-EC2InstanceDemo",
    ),
    "changes of documents not reported": (
        _not_reported,
        "the topic in us-east-1 does not receive changes of document Restart-EC2InstanceDemo",
    ),
    "no rule for roles": (
        lambda body: _without_rule(body, "AccessChangesRule1"),
        "the log in us-east-1 does not receive changes of role AutomationServiceRole",
    ),
    "no rule for policies": (
        lambda body: _without_rule(body, "AccessChangesRule2"),
        "the log in us-east-1 does not receive changes of policy OperatorRestrictedPermissions",
    ),
    "no rule for groups": (
        lambda body: _without_rule(body, "AccessChangesRule4"),
        "the topic in us-east-1 does not receive changes of group AutomationRestrictedOperators",
    ),
    "no rule for users": (
        lambda body: _without_rule(body, "AccessChangesRule5"),
        "the topic in us-east-1 does not receive changes of user AutomationRestrictedOperator",
    ),
    "no rule for tags": (
        lambda body: _without_rule(body, "DocumentChangesRule2"),
        "the log in us-east-1 does not receive changes of document Restart-EC2InstanceDemo",
    ),
    "every rule off": (
        lambda body: _disabled(body, ""),
        "the log in us-east-1 does not receive executions of Restart-EC2InstanceDemo",
    ),
}


@pytest.mark.parametrize(("mutate", "finding"), _GAPS.values(), ids=_GAPS)
def test_gap_in_the_trail_breaks_its_promise_and_is_a_gain(
    engine: Engine, synthesize: Synthesize, mutate: Mutate, finding: str
) -> None:
    templates = synthesize(AUDITED)
    whole, gapped = (
        review(engine, some) for some in (templates, mutated(templates, mutate, stack="AuditStack"))
    )

    assert _invariant(whole).findings == ()
    assert finding in _invariant(gapped).findings
    reported = finding.replace("does not receive", "no longer receives")
    assert reported in change(whole, gapped).gains


def test_trail_that_is_taken_away_is_a_gain(engine: Engine, synthesize: Synthesize) -> None:
    whole, none = (review(engine, synthesize(each)) for each in (AUDITED, DEFAULT))

    gains = change(whole, none).gains

    assert "the log in us-east-1 no longer receives executions of Restart-EC2InstanceDemo" in gains
    assert "topic Topic in us-east-1 no longer notifies a@example.com (email)" in gains
    back = change(none, whole)
    assert [gain for gain in back.gains if "auditor" not in gain] == [
        "topic Topic in us-east-1 now notifies a@example.com (email)"
    ]
    assert back.widens


def _policy(body: dict[str, Any], type_: str, key: str) -> list[dict[str, Any]]:
    """The statements of a resource's own policy."""
    (found,) = [r for r in body["Resources"].values() if r["Type"] == type_]
    statements: list[dict[str, Any]] = found["Properties"][key]["Statement"]
    return statements


def _anybody_publishes(body: dict[str, Any]) -> None:
    _policy(body, "AWS::SNS::TopicPolicy", "PolicyDocument")[0]["Principal"] = "*"


def _subscribes(body: dict[str, Any]) -> None:
    _policy(body, "AWS::SNS::TopicPolicy", "PolicyDocument")[0]["Action"] = "sns:Subscribe"


def _others_key(body: dict[str, Any]) -> None:
    _policy(body, "AWS::KMS::Key", "KeyPolicy")[0]["Principal"] = {"AWS": "444455556666"}


def _anybodys_log(body: dict[str, Any]) -> None:
    (found,) = [r for r in body["Resources"].values() if r["Type"] == "AWS::Logs::ResourcePolicy"]
    text = found["Properties"]["PolicyDocument"]["Fn::Sub"]
    found["Properties"]["PolicyDocument"]["Fn::Sub"] = text.replace(
        '{"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]}', '{"AWS": "*"}'
    )


def _starts_something(body: dict[str, Any]) -> None:
    definition = "arn:aws:ssm:us-east-1:111122223333:automation-definition/Another"
    _rule(body, "Runs")["Targets"].append({"Id": "Start", "Arn": definition})


def _elsewhere_reported(body: dict[str, Any]) -> None:
    _rule(body, "BadEnds")["Targets"][0]["Arn"] = "arn:aws:sns:us-east-1:999999999999:theirs"


def _rewritten(body: dict[str, Any]) -> None:
    _rule(body, "Runs")["Targets"][0]["InputTransformer"] = {"InputTemplate": '"nothing"'}


def _with_a_role(body: dict[str, Any]) -> None:
    _rule(body, "Runs")["Targets"][0]["RoleArn"] = "arn:aws:iam::111122223333:role/Any"


@pytest.mark.parametrize(
    ("mutate", "message"),
    [
        (_anybody_publishes, "AuditStack/TopicPolicy: statement LetEventsPublish lets others in"),
        (_subscribes, "AuditStack/TopicPolicy: statement LetEventsPublish lets others in"),
        (_others_key, "AuditStack/TopicKey: statement LetAccountManage lets others in"),
        (_anybodys_log, "AuditStack/LogPolicy: statement LetEventsOpenStreams lets others in"),
        (_starts_something, "the review does not know what a rule does to arn:aws:ssm:"),
        (_elsewhere_reported, "the review does not know what a rule does to arn:aws:sns:"),
        (_rewritten, "the log keeps something else than the event"),
        (_with_a_role, "the review does not know what RoleArn of AWS::Events::Rule does"),
    ],
)
def test_resource_of_the_trail_that_lets_others_in_is_refused(
    engine: Engine, synthesize: Synthesize, mutate: Mutate, message: str
) -> None:
    with pytest.raises(ReviewError, match=message):
        review(engine, mutated(synthesize(AUDITED), mutate, stack="AuditStack"))
