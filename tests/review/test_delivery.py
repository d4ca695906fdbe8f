"""Whether what rules send arrives: whole events, policies, keys, messages."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from review.access_review import Review, review
from review.diff.changes import change
from review.errors import ReviewError
from review.iam.engine import Engine
from review.invariants.invariant import Invariant, Verdict
from review.templates.assembly import Template, given_environment
from tests.review.conftest import Synthesize
from tests.review.mutants import mutated
from tests.review.test_trail import AUDITED

Body = dict[str, Any]
Edit = Callable[[Body], object]


def _invariant(reviewed: Review, id_: str) -> Invariant:
    (found,) = [p for p in reviewed.accounts[0].invariants if p.id == id_]
    return found


def _of(body: Body, type_: str) -> Body:
    (found,) = [r for r in body["Resources"].values() if r["Type"] == type_]
    properties: Body = found["Properties"]
    return properties


def _rules(body: Body, beginning: str) -> list[Body]:
    return [
        resource["Properties"]
        for id_, resource in body["Resources"].items()
        if id_.startswith(beginning) and resource["Type"] == "AWS::Events::Rule"
    ]


def _asking(beginning: str, **asked: Any) -> Edit:
    """Rules that ask for something more."""

    def edit(body: Body) -> None:
        for rule in _rules(body, beginning):
            rule["EventPattern"] |= asked

    return edit


def _asking_in_detail(beginning: str, **asked: Any) -> Edit:
    def edit(body: Body) -> None:
        for rule in _rules(body, beginning):
            rule["EventPattern"]["detail"] |= asked

    return edit


def _telling(template: str) -> Edit:
    def edit(body: Body) -> None:
        for rule in _rules(body, "BadEnds"):
            rule["Targets"][0]["InputTransformer"]["InputTemplate"] = template

    return edit


_EXECUTIONS = "the log in us-east-1 does not receive executions of Restart-EC2InstanceDemo"
_BAD_ENDS = "the topic in us-east-1 does not receive bad ends of Restart-EC2InstanceDemo"
_DOCUMENT = "the log in us-east-1 does not receive changes of document Restart-EC2InstanceDemo"
_ROLE = "the topic in us-east-1 does not receive changes of role AutomationServiceRole"
_MISSED: dict[str, tuple[Edit, str]] = {
    "another Region": (_asking("Runs", region=["eu-west-1"]), _EXECUTIONS),
    "another account": (_asking("Runs", account=["444455556666"]), _EXECUTIONS),
    "an execution's own id": (_asking_in_detail("Runs", ExecutionId=["x"]), _EXECUTIONS),
    "no id": (_asking_in_detail("Runs", ExecutionId=[{"exists": False}]), _EXECUTIONS),
    "an id of any kind": (_asking_in_detail("Runs", ExecutionId=[{"exists": True}]), _EXECUTIONS),
    "one version": (_asking_in_detail("Runs", DefinitionVersion=[1]), _EXECUTIONS),
    "something that no event has": (_asking("Runs", extra=[{"exists": False}]), _EXECUTIONS),
    "an alternative": (_asking("Runs", **{"$or": [{"source": ["aws.ssm"]}]}), _EXECUTIONS),
    "one caller": (
        _asking_in_detail("AccessChanges", userIdentity={"type": ["IAMUser"]}),
        _ROLE,
    ),
    "no caller": (
        _asking_in_detail("DocumentChanges", userIdentity=[{"exists": False}]),
        _DOCUMENT,
    ),
    "one call": (_asking_in_detail("DocumentChanges", eventName=["UpdateDocument"]), _DOCUMENT),
    "all calls but one": (
        _asking_in_detail("AccessChanges", eventName=[{"anything-but": ["PutRolePolicy"]}]),
        _ROLE,
    ),
    "a message that hides the runbook": (_telling('"<status>: <run>"'), _BAD_ENDS),
    "a message that hides the execution": (_telling('"<runbook>: <status>"'), _BAD_ENDS),
    "a message that cannot be read": (_telling("<runbook> <status> <run>"), _BAD_ENDS),
    "a message without anything": (_telling('"nothing happened"'), _BAD_ENDS),
}


@pytest.mark.parametrize(("edit", "finding"), _MISSED.values(), ids=_MISSED)
def test_rule_that_misses_complete_events_breaks_its_promise_and_is_a_gain(
    engine: Engine, synthesize: Synthesize, edit: Edit, finding: str
) -> None:
    templates = synthesize(AUDITED)
    before = review(engine, templates)

    after = review(engine, mutated(templates, edit, stack="AuditStack"))

    assert finding in _invariant(after, "audit-receives-everything").findings
    reported = finding.replace("does not receive", "no longer receives")
    assert reported in change(before, after).gains


def _set(type_: str, name: str, value: Any) -> Edit:
    return lambda body: _of(body, type_).update({name: value})


def _without(type_: str, name: str) -> Edit:
    return lambda body: _of(body, type_).pop(name)


def _of_the_log(old: str, new: str) -> Edit:
    def edit(body: Body) -> None:
        policy = _of(body, "AWS::Logs::ResourcePolicy")["PolicyDocument"]
        assert old in policy["Fn::Sub"]
        policy["Fn::Sub"] = policy["Fn::Sub"].replace(old, new)

    return edit


_KEY, _TOPIC = "AWS::KMS::Key", "AWS::SNS::Topic"
_UNDELIVERED: dict[str, tuple[Edit, str]] = {
    "a key that is off": (
        _set(_KEY, "Enabled", False),
        "AuditStack/TopicKey: Enabled is False, not True",
    ),
    "a key for signatures": (
        _set(_KEY, "KeyUsage", "SIGN_VERIFY"),
        "AuditStack/TopicKey: KeyUsage is SIGN_VERIFY, not ENCRYPT_DECRYPT",
    ),
    "a key that EventBridge may not use": (
        lambda body: _of(body, _KEY)["KeyPolicy"]["Statement"].pop(),
        "AuditStack/TopicKey: events.amazonaws.com may not kms:Decrypt",
    ),
    "AWS's own key": (
        _set(_TOPIC, "KmsMasterKeyId", "alias/aws/sns"),
        "AuditStack/Topic is encrypted with alias/aws/sns, which is not a key of these templates",
    ),
    "a key of another account": (
        _set(_TOPIC, "KmsMasterKeyId", "arn:aws:kms:us-east-1:444455556666:key/a"),
        "AuditStack/Topic is encrypted with arn:aws:kms:us-east-1:444455556666:key/a, which is "
        "not a "
        "key of these templates",
    ),
    "no policy of the topic": (
        lambda body: body["Resources"].pop("TopicPolicy"),
        "AuditStack/Topic: events.amazonaws.com may not sns:Publish",
    ),
    "a log of another class": (
        _set("AWS::Logs::LogGroup", "LogGroupClass", "INFREQUENT_ACCESS"),
        "AuditStack/Log is of class INFREQUENT_ACCESS, not STANDARD",
    ),
    "a log for other rules": (
        _of_the_log("rule/AuditStack-*", "rule/Another-*"),
        "AuditStack/Log: events.amazonaws.com may not logs:PutLogEvents for RunsRule14D923929",
    ),
    "a log without new streams": (
        _of_the_log("logs:CreateLogStream", "logs:PutLogEvents"),
        "AuditStack/Log: events.amazonaws.com may not logs:CreateLogStream for RunsRule14D923929",
    ),
}


@pytest.mark.parametrize(("edit", "finding"), _UNDELIVERED.values(), ids=_UNDELIVERED)
def test_what_does_not_arrive_violates_an_invariant_and_is_a_gain(
    engine: Engine, synthesize: Synthesize, edit: Edit, finding: str
) -> None:
    templates = synthesize(AUDITED)
    before = review(engine, templates)

    after = review(engine, mutated(templates, edit, stack="AuditStack"))

    assert _invariant(before, "audit-is-delivered").findings == ()
    assert finding in _invariant(after, "audit-is-delivered").findings
    assert any("no longer receives" in gain for gain in change(before, after).gains)


def _denying(type_: str, key: str, action: str) -> Edit:
    deny = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*"}
    return lambda body: _of(body, type_)[key]["Statement"].append(deny)


def _second_policy(body: Body) -> None:
    body["Resources"]["Second"] = body["Resources"]["TopicPolicy"]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            _denying("AWS::SNS::TopicPolicy", "PolicyDocument", "sns:Publish"),
            "AuditStack/TopicPolicy: statement 3 denies something to AWS's services",
        ),
        (
            _denying(_KEY, "KeyPolicy", "kms:GenerateDataKey"),
            "AuditStack/TopicKey: statement 3 denies something to AWS's services",
        ),
        (_second_policy, "AuditStack/Second: a second policy of arn:aws:sns:"),
        (
            _of_the_log("log-group:/aws/events/DelegatedRuns:*", "log-group:*"),
            "AuditStack/LogPolicy: statement LetEventsOpenStreams lets others in",
        ),
        (
            _set("AWS::Logs::LogGroup", "KmsKeyId", "arn:aws:kms:us-east-1:444455556666:key/a"),
            "the review does not know what KmsKeyId of AWS::Logs::LogGroup does",
        ),
        (
            _set(_TOPIC, "DataProtectionPolicy", {}),
            "the review does not know what DataProtectionPolicy of AWS::SNS::Topic does",
        ),
    ],
)
def test_policy_that_the_review_cannot_judge_is_refused(
    engine: Engine, synthesize: Synthesize, edit: Edit, message: str
) -> None:
    with pytest.raises(ReviewError, match=message):
        review(engine, mutated(synthesize(AUDITED), edit, stack="AuditStack"))


def _subscribed(body: Body) -> None:
    _of(body, _TOPIC)["Subscription"].append({"Endpoint": "https://a.example", "Protocol": "https"})


@pytest.mark.parametrize(
    ("edit", "gain"),
    [
        (_subscribed, "topic Topic in us-east-1 now notifies https://a.example (https)"),
        (
            lambda body: _of(body, _TOPIC)["Subscription"].pop(),
            "topic Topic in us-east-1 no longer notifies a@example.com (email)",
        ),
        (
            _set("AWS::Logs::LogGroup", "RetentionInDays", 1),
            "log /aws/events/DelegatedRuns in us-east-1 keeps its events 1 days (before: 365 days)",
        ),
        (
            _without(_TOPIC, "KmsMasterKeyId"),
            "topic Topic in us-east-1 is no longer encrypted with a key of these templates",
        ),
    ],
)
def test_what_shows_more_or_keeps_less_is_a_gain(
    engine: Engine, synthesize: Synthesize, edit: Edit, gain: str
) -> None:
    templates = synthesize(AUDITED)

    after = review(engine, mutated(templates, edit, stack="AuditStack"))

    assert change(review(engine, templates), after).gains == (gain,)


def test_longer_retention_is_no_gain(engine: Engine, synthesize: Synthesize) -> None:
    templates = synthesize(AUDITED)
    longer = mutated(
        templates, _without("AWS::Logs::LogGroup", "RetentionInDays"), stack="AuditStack"
    )

    changed = change(review(engine, templates), review(engine, longer))

    assert not changed.widens
    assert changed.losses == (
        "log /aws/events/DelegatedRuns in us-east-1 keeps its events for ever (before: 365 days)",
    )


def _unfixed(templates: tuple[Template, ...]) -> tuple[Template, ...]:
    return tuple(
        replace(each, environment=given_environment(account="111122223333")) for each in templates
    )


def test_rules_that_only_some_regions_have_are_an_exception_to_the_promise(
    engine: Engine, synthesize: Synthesize
) -> None:
    invariant = _invariant(
        review(engine, _unfixed(synthesize(AUDITED))), "audit-receives-everything"
    )

    assert invariant.verdict is Verdict.EXCEPTED
    assert invariant.sentence.endswith(
        "; except: deployed to another Region than us-east-1, cn-north-1, us-gov-west-1, it "
        "receives no event of IAM; nothing fixes the Region"
    )


def test_rules_for_executions_that_only_some_regions_have_break_the_promise(
    engine: Engine, synthesize: Synthesize
) -> None:
    def conditional(body: Body) -> None:
        for id_, resource in body["Resources"].items():
            if id_.startswith("Runs"):
                resource["Condition"] = "ReceivesIamEvents"

    templates = mutated(synthesize(AUDITED), conditional, stack="AuditStack")

    assert (
        _EXECUTIONS
        in _invariant(review(engine, _unfixed(templates)), "audit-receives-everything").findings
    )


def test_rules_for_iam_that_one_home_alone_has_break_the_promise(
    engine: Engine, synthesize: Synthesize
) -> None:
    def narrowed(body: Body) -> None:
        body["Conditions"]["ReceivesIamEvents"]["Fn::Or"].pop()

    templates = mutated(synthesize(AUDITED), narrowed, stack="AuditStack")

    assert (
        _ROLE
        in _invariant(review(engine, _unfixed(templates)), "audit-receives-everything").findings
    )
