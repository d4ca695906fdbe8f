"""The audit keeps who takes and who releases the lock of a fleet."""

from collections.abc import Callable
from typing import Any

import pytest

from delegation.model import Audit, Fleet, IamUser, ServiceRole
from review.access_review import Review, review
from review.diff.changes import change
from review.iam.engine import Engine
from review.templates.assembly import Template, given_environment, read_templates
from tests.review.mutants import mutated
from tests.stacks.synthesis import RUNBOOK, app_of, deployment, resources, template

_LOCK = "/delegation/fleets/WebTier"


def _deployment(**of_fleet: Any) -> Any:
    fleet = Fleet(name="WebTier", runbook=RUNBOOK, instances_tagged=("Tier", "web"), **of_fleet)
    return deployment(
        service_roles=(ServiceRole(name="AutomationServiceRole", fleets=(fleet,)),),
        audit=Audit(auditors=(IamUser("auditor"),)),
    )


def _patterns(wanted: Any) -> list[Any]:
    """The patterns of the rules that are about parameters."""
    found = resources(template("AuditStack", wanted), "AWS::Events::Rule")
    return [rule for rule in found if "LockChanges" in rule["Name"]]


def test_every_call_that_takes_or_releases_a_lock_goes_to_the_log() -> None:
    rules = _patterns(_deployment())

    assert [rule["EventPattern"] for rule in rules] == [
        {
            "source": ["aws.ssm"],
            "detail-type": ["AWS API Call via CloudTrail"],
            "detail": {
                "eventSource": ["ssm.amazonaws.com"],
                "errorCode": [{"exists": False}],
                "requestParameters": {parameter: [_LOCK]},
            },
        }
        for parameter in ("name", "names")
    ]
    assert [[each["Id"] for each in rule["Targets"]] for rule in rules] == [["Log"], ["Log"]]


def test_fleet_without_a_lock_has_no_rule_for_it() -> None:
    assert _patterns(_deployment(one_at_a_time=False)) == []


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Template, ...]:
    """Of a fleet with a lock and an audit."""
    folder = tmp_path_factory.mktemp("fleet_audit") / "assembly"
    app_of(_deployment(), folder=folder).synth()
    return read_templates(folder, given_environment())


def _findings(reviewed: Review) -> tuple[str, ...]:
    (found,) = [i for i in reviewed.accounts[0].invariants if i.id == "audit-receives-everything"]
    return found.findings


@pytest.mark.parametrize("number", ["1", "2"])
def test_rule_that_misses_a_release_is_found_and_is_a_gain(
    engine: Engine, templates: tuple[Template, ...], number: str
) -> None:
    def drop(body: dict[str, Any]) -> None:
        (id_,) = [i for i in body["Resources"] if i.startswith(f"LockChangesRule{number}")]
        del body["Resources"][id_]

    assert_missed(engine, templates, drop)


def test_rule_that_names_another_parameter_is_found(
    engine: Engine, templates: tuple[Template, ...]
) -> None:
    def name_another(body: dict[str, Any]) -> None:
        (id_,) = [i for i in body["Resources"] if i.startswith("LockChangesRule2")]
        detail = body["Resources"][id_]["Properties"]["EventPattern"]["detail"]
        detail["requestParameters"]["names"] = ["/another"]

    assert_missed(engine, templates, name_another)


@pytest.mark.parametrize(
    "asked",
    [
        {"userIdentity": {"type": ["IAMUser", "AssumedRole", "Root"]}},
        {"userAgent": ["192.0.2.1", "cloudformation.amazonaws.com", "198.51.100.3"]},
    ],
    ids=["callers", "agents"],
)
def test_rule_that_lists_callers_or_agents_is_found(
    engine: Engine, templates: tuple[Template, ...], asked: dict[str, Any]
) -> None:
    def ask(body: dict[str, Any]) -> None:
        (id_,) = [i for i in body["Resources"] if i.startswith("LockChangesRule1")]
        body["Resources"][id_]["Properties"]["EventPattern"]["detail"] |= asked

    assert_missed(engine, templates, ask)


def assert_missed(
    engine: Engine, templates: tuple[Template, ...], edit: Callable[[dict[str, Any]], None]
) -> None:
    """An edit of the AuditStack after which the log misses a release is found, and is a gain."""
    before = review(engine, templates)
    after = review(engine, mutated(templates, edit, stack="AuditStack"))
    assert _findings(before) == ()
    what = f"who takes and releases the lock {_LOCK}"
    assert _findings(after) == (f"the log in us-east-1 does not receive {what}",)
    assert f"the log in us-east-1 no longer receives {what}" in change(before, after).gains
