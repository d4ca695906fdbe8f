"""Attacks on a comparison: power that is slipped in behind something harmless, or out of sight."""

import copy
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from review.access_review import review
from review.diff.changes import Change, change
from review.errors import ReviewError
from review.iam.engine import Engine
from review.report.pages import write_pages
from review.templates.assembly import Template, given_environment, read_templates
from tests.review.conftest import DEFAULT, ENVIRONMENT, EVERYTHING, Synthesize
from tests.review.mutants import Mutate, mutated, named, with_runbook
from tests.review.test_trail import AUDITED

Body = dict[str, Any]
Templates = tuple[Template, ...]
_OPERATORS, _BOUNDARY = "OperatorRestrictedPermissions", "AutomationServiceRoleBoundary"
_SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:*"
_READ = "secretsmanager:GetSecretValue"


def _change(engine: Engine, old: Templates, new: Templates) -> Change:
    return change(review(engine, old), review(engine, new))


def _add(policy: str, *statements: Body) -> Mutate:
    return lambda body: named(body, policy)["PolicyDocument"]["Statement"].extend(statements)


def _all(*edits: Mutate) -> Mutate:
    def edit(body: Body) -> None:
        for each in edits:
            each(body)

    return edit


def _decoy(policy: str) -> Mutate:
    """A harmless Deny, whose sentence hides others where sentences account for too much."""
    deny = {"Sid": "Decoy", "Effect": "Deny", "Action": "ec2:RunInstances", "Resource": "*"}
    return _add(policy, deny)


def _allow(action: str, resource: str = "*", **rest: Any) -> Body:
    return {"Sid": "SlippedIn", "Effect": "Allow", "Action": action, "Resource": resource, **rest}


def _deny_but(action: str, resource: str) -> Body:
    return {"Sid": "But", "Effect": "Deny", "Action": action, "NotResource": [resource]}


_WIDENING: dict[str, Mutate] = {
    "a secret left readable by a star that goes beyond colons": _add(
        _OPERATORS,
        _allow(_READ, _SECRET),
        _deny_but(_READ, "arn:aws:secretsmanager:*:*:ApproverAccess*"),
    ),
    "a boundary that lets out a managed policy by such a star": _all(
        _decoy(_BOUNDARY),
        _add(_BOUNDARY, _allow("lambda:InvokeFunction", "arn:aws:lambda:*:*:Automation*x")),
    ),
    "a boundary widened behind a decoy": _all(
        _decoy(_BOUNDARY), _add(_BOUNDARY, _allow("iam:CreateUser"))
    ),
    "another boundary behind a decoy": _all(
        _decoy(_BOUNDARY),
        lambda body: named(body, "AutomationServiceRole").update(
            PermissionsBoundary="arn:aws:iam::aws:policy/service-role/AmazonSSMAutomationRole"
        ),
    ),
    "an action that no data knows": _all(
        _decoy(_OPERATORS), _add(_OPERATORS, _allow("ssm:BrandNewAction"))
    ),
}


@pytest.mark.parametrize("mutate", _WIDENING.values(), ids=_WIDENING)
def test_power_behind_a_decoy_counts_as_a_gain(
    engine: Engine, synthesize: Synthesize, mutate: Mutate
) -> None:
    before = synthesize(EVERYTHING)

    assert _change(engine, before, mutated(before, mutate)).widens


def test_unknown_action_on_more_is_a_gain(engine: Engine, synthesize: Synthesize) -> None:
    document = "arn:aws:ssm:eu-west-1:111122223333:document/Restart-EC2InstanceDemo"
    narrow, wide = (
        mutated(synthesize(EVERYTHING), _add(_OPERATORS, _allow("ssm:BrandNewAction", resource)))
        for resource in (document, "*")
    )

    gains = _change(engine, narrow, wide).gains

    reported = "ssm:BrandNewAction on * (which the engine's data does not know)"
    assert any(reported in gain for gain in gains)


def test_second_inline_policy_of_a_name_is_refused(engine: Engine, synthesize: Synthesize) -> None:
    document = {"Version": "2012-10-17", "Statement": [_allow("ec2:StopInstances")]}
    inline = {"PolicyName": "guard", "PolicyDocument": document}

    def twice(body: Body) -> None:
        named(body, "AutomationServiceRole")["Policies"] = [inline]
        body["Resources"]["Second"] = {
            "Type": "AWS::IAM::RolePolicy",
            "Properties": {**inline, "RoleName": "AutomationServiceRole"},
        }

    with pytest.raises(ReviewError, match="a second policy guard of AutomationServiceRole"):
        review(engine, mutated(synthesize(EVERYTHING), twice))


def test_trust_without_mfa_beside_one_with_it_is_a_gain(
    engine: Engine, synthesize: Synthesize
) -> None:
    def with_mfa(body: Body) -> None:
        (statement,) = named(body, "AuthorDeploymentRole")["AssumeRolePolicyDocument"]["Statement"]
        statement["Condition"] = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}

    def without(body: Body) -> None:
        statements = named(body, "AuthorDeploymentRole")["AssumeRolePolicyDocument"]["Statement"]
        statements.append({k: v for k, v in statements[0].items() if k != "Condition"})

    before = mutated(synthesize(EVERYTHING), with_mfa)

    gains = _change(engine, before, mutated(before, without)).gains

    role = "arn:aws:iam::111122223333:role/AuthorDeploymentRole"
    assert any(
        gain.startswith(f"author gains sts:AssumeRole on {role} (before: ") for gain in gains
    )


def _of(body: Body, type_: str) -> tuple[str, Body]:
    return next((i, r) for i, r in body["Resources"].items() if r["Type"] == type_)


def _dead_topic(body: Body) -> None:
    _, topic = _of(body, "AWS::SNS::Topic")
    moved = topic["Properties"].pop("Subscription")
    body["Resources"]["Dead"] = {
        "Type": "AWS::SNS::Topic",
        "Properties": {"Subscription": moved},
    }


def _another_protocol(body: Body) -> None:
    _of(body, "AWS::SNS::Topic")[1]["Properties"]["Subscription"][0]["Protocol"] = "sms"


def _bare_group(body: Body) -> None:
    body["Resources"]["Bare"] = {"Type": "AWS::Logs::LogGroup"}


def _rule_by_number(body: Body) -> None:
    _of(body, "AWS::Events::Rule")[1]["Properties"]["Name"] = 0


@pytest.mark.parametrize("mutate", [_dead_topic, _another_protocol, _bare_group, _rule_by_number])
def test_notification_that_goes_astray_counts_as_a_gain(
    engine: Engine, synthesize: Synthesize, mutate: Mutate
) -> None:
    before = synthesize(AUDITED)

    assert _change(engine, before, mutated(before, mutate, stack="AuditStack")).widens


def test_rule_that_goes_to_another_log_is_listed(engine: Engine, synthesize: Synthesize) -> None:
    def with_second(body: Body) -> None:
        body["Resources"]["Short"] = {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"LogGroupName": "/short", "RetentionInDays": 1},
        }
        policy = _of(body, "AWS::Logs::ResourcePolicy")[1]["Properties"]["PolicyDocument"]
        own = "log-group:/aws/events/DelegatedRuns:*"
        short = own.replace("/aws/events/DelegatedRuns", "/short")
        arn = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:"
        policy["Fn::Sub"] = policy["Fn::Sub"].replace(
            f'"{arn}{own}"', f'["{arn}{own}", "{arn}{short}"]'
        )

    def to_second(body: Body) -> None:
        for resource in body["Resources"].values():
            if resource["Type"] == "AWS::Events::Rule":
                for target in resource["Properties"]["Targets"]:
                    if target["Id"] == "Log":
                        arn = target["Arn"]["Fn::Sub"]
                        target["Arn"] = {
                            "Fn::Sub": arn.replace("/aws/events/DelegatedRuns", "/short")
                        }

    before = mutated(synthesize(AUDITED), with_second, stack="AuditStack")

    assert _change(engine, before, mutated(before, to_second, stack="AuditStack")).widens


def test_log_that_is_gone_is_listed(engine: Engine, synthesize: Synthesize) -> None:
    def unused(body: Body) -> None:
        body["Resources"]["Old"] = {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"LogGroupName": "/old", "RetentionInDays": 365},
        }

    before = mutated(synthesize(AUDITED), unused, stack="AuditStack")

    (difference,) = _change(engine, before, synthesize(AUDITED)).differences

    assert difference.path == "Resources/Old"


def test_place_that_is_spelled_instead_of_its_own_is_listed(
    engine: Engine, synthesize: Synthesize
) -> None:
    unfixed = tuple(
        replace(t, environment=given_environment(account=ENVIRONMENT.account))
        for t in synthesize(DEFAULT)
    )

    def spelled(body: Body) -> None:
        text = json.dumps(body).replace("${AWS::Region}", "us-east-1")
        body.clear()
        body.update(json.loads(text))

    assert _change(engine, unfixed, mutated(unfixed, spelled)).widens


def test_two_templates_of_one_stack_are_refused(tmp_path: Path) -> None:
    for name in ("One.json", "One.template.json"):
        (tmp_path / name).write_text('{"Resources": {}}')

    with pytest.raises(ReviewError, match="holds two templates of stack One, 111122223333"):
        read_templates(tmp_path, ENVIRONMENT)


def test_policy_of_a_permission_set_stays_its_holders(
    engine: Engine, synthesize: Synthesize
) -> None:
    def unattached(body: Body) -> None:
        document = {"Version": "2012-10-17", "Statement": [_allow("ssm:ListDocuments")]}
        body["Resources"]["Extra"] = {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"ManagedPolicyName": "Extra", "PolicyDocument": document},
        }

    def attached(body: Body) -> None:
        body["Resources"]["Extra"]["Properties"]["Roles"] = ["AutomationServiceRole"]
        named(body, "Extra")["PolicyDocument"]["Statement"].append(
            {**_allow("iam:CreateUser"), "Sid": "More"}
        )

    before = mutated(synthesize(EVERYTHING), unattached)

    changed = _change(engine, before, mutated(before, attached))

    assert changed.losses == ()
    assert changed.widens


def test_key_that_appears_twice_in_a_text_is_refused(
    engine: Engine, synthesize: Synthesize
) -> None:
    def twice(body: Body) -> None:
        policy = _of(body, "AWS::Logs::ResourcePolicy")[1]["Properties"]["PolicyDocument"]
        policy["Fn::Sub"] = policy["Fn::Sub"].replace(
            '"Effect": "Allow"', '"Effect": "Deny", "Effect": "Allow"'
        )

    with pytest.raises(ReviewError, match="key 'Effect' appears twice"):
        review(engine, mutated(synthesize(AUDITED), twice, stack="AuditStack"))


@pytest.mark.parametrize("policy", ["DeletionPolicy", "UpdateReplacePolicy"])
def test_resource_that_stays_in_the_account_is_listed(
    engine: Engine, synthesize: Synthesize, policy: str
) -> None:
    def kept(body: Body) -> None:
        _of(body, "AWS::IAM::User")[1][policy] = "RetainExceptOnCreate"

    def renamed(body: Body) -> None:
        _of(body, "AWS::IAM::User")[1]["Properties"]["UserName"] = "another"

    before = mutated(synthesize(DEFAULT), kept)

    changed = _change(engine, before, mutated(before, renamed))

    assert any(difference.path.endswith("/UserName") for difference in changed.differences)


def test_guard_that_goes_with_a_gain_is_reported_as_well(
    engine: Engine, synthesize: Synthesize
) -> None:
    before = synthesize(EVERYTHING)

    def both(content: Body) -> None:
        content["parameters"]["InstanceId"]["maxItems"] = 6
        content["mainSteps"][-1]["onFailure"] = "Continue"

    changed = _change(engine, before, with_runbook(before, "Restart-EC2InstanceDemo", both))

    assert any("by the order, guards or outputs" in gain for gain in changed.gains)
    assert any("maxItems of InstanceId: 5 becomes 6" in gain for gain in changed.gains)


def test_promise_that_breaks_counts_as_a_gain(engine: Engine, synthesize: Synthesize) -> None:
    before = synthesize(EVERYTHING)

    def trusting_itself(body: Body) -> None:
        (statement,) = named(body, "AuthorDeploymentRole")["AssumeRolePolicyDocument"]["Statement"]
        itself = "arn:aws:iam::111122223333:role/AuthorDeploymentRole"
        statement["Principal"]["AWS"].append(itself)

    changed = _change(engine, before, mutated(before, trusting_itself))

    assert changed.violated
    assert changed.widens


_MALFORMED: dict[str, Mutate] = {
    "an infinite number": lambda body: _of(body, "AWS::Logs::LogGroup")[1]["Properties"].update(
        RetentionInDays=float("inf")
    ),
    "a path that is a number": lambda body: _of_rule(body)["InputPathsMap"].update(run=5),
    "a path that is a list": lambda body: _of_rule(body)["InputPathsMap"].update(run=[]),
    "conditions by the power of two": lambda body: _doubling(body),
    "texts by the power of ten": lambda body: _laughing(body),
}


def _of_rule(body: Body) -> Body:
    for id_, resource in body["Resources"].items():
        if id_.startswith("BadEnds"):
            transformer: Body = resource["Properties"]["Targets"][0]["InputTransformer"]
            return transformer
    raise AssertionError


def _doubling(body: Body) -> None:
    body["Conditions"]["C0"] = {"Fn::Equals": ["a", "b"]}
    for number in range(40):
        before = {"Condition": f"C{number}"}
        body["Conditions"][f"C{number + 1}"] = {"Fn::Or": [before, before]}
    body["Resources"]["Z"] = {"Type": "AWS::SQS::QueueInlinePolicy", "Condition": "C40"}


def _laughing(body: Body) -> None:
    value: Any = "x" * 1_000
    for _ in range(8):
        value = {"Fn::Sub": ["${a}" * 10, {"a": value}]}
    _of(body, "AWS::SNS::Topic")[1]["Properties"]["TopicName"] = value


@pytest.mark.parametrize("mutate", _MALFORMED.values(), ids=_MALFORMED)
def test_what_is_malformed_is_refused_at_once(
    engine: Engine, synthesize: Synthesize, mutate: Mutate
) -> None:
    with pytest.raises(ReviewError):
        review(engine, mutated(synthesize(AUDITED), mutate, stack="AuditStack"))


def test_pattern_of_many_alternatives_is_refused_at_once(
    engine: Engine, synthesize: Synthesize
) -> None:
    before = synthesize(AUDITED)

    def exploding(body: Body) -> None:
        for resource in body["Resources"].values():
            if resource["Type"] == "AWS::Events::Rule":
                for number in range(9):
                    resource["Properties"]["EventPattern"][f"k{number}"] = [*map(str, range(10))]

    with pytest.raises(ReviewError, match="its pattern has more than 10000 alternatives"):
        _change(engine, before, mutated(before, exploding, stack="AuditStack"))


def test_no_properties_at_all_are_compared(engine: Engine, synthesize: Synthesize) -> None:
    def bare(body: Body) -> None:
        body["Resources"]["Bare"] = {"Type": "AWS::IAM::Group", "Properties": None}

    def filled(body: Body) -> None:
        body["Resources"]["Bare"]["Properties"] = {"GroupName": "bare"}

    before = mutated(synthesize(DEFAULT), bare)

    assert _change(engine, before, mutated(before, filled)).widens


def test_assembly_of_two_accounts_is_compared(engine: Engine, synthesize: Synthesize) -> None:
    templates = synthesize(DEFAULT)
    another = tuple(
        replace(t, environment=replace(ENVIRONMENT, account="444455556666")) for t in templates
    )

    changed = _change(engine, (*templates, *another), (*templates, *copy.deepcopy(another)))

    assert (changed.gains, changed.losses, changed.differences) == ((), (), ())


def test_wider_denial_is_no_gain(engine: Engine, synthesize: Synthesize) -> None:
    before = synthesize(EVERYTHING)

    def wider(body: Body) -> None:
        for statement in named(body, _OPERATORS)["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Deny":
                statement["Action"] = ["ssm:Send*"]

    assert _change(engine, before, mutated(before, wider)).gains == ()


def _as_link(path: Path) -> None:
    path.parent.joinpath("kept.txt").write_text("kept")
    path.symlink_to(path.parent / "kept.txt")


@pytest.mark.parametrize("make", [_as_link, os.mkfifo], ids=["link", "pipe"])
def test_page_replaces_what_stands_in_its_place(
    engine: Engine, synthesize: Synthesize, tmp_path: Path, make: Callable[[Path], object]
) -> None:
    make(tmp_path / "access-review.html")

    write_pages(review(engine, synthesize(DEFAULT)), tmp_path)

    page = tmp_path / "access-review.html"
    assert not page.is_symlink()
    assert page.read_text("utf-8").startswith("<!doctype html>")
    if (tmp_path / "kept.txt").exists():
        assert (tmp_path / "kept.txt").read_text() == "kept"
