"""Every difference of two assemblies is a sentence, or listed; a short table is harmless."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from delegation.deployment.people import Person
from delegation.model import ExistingRole, IamUser, PermissionSet
from review.access_review import review
from review.diff.changes import Change, change
from review.iam.engine import Engine
from review.invariants.invariant import Verdict
from review.report.markdown import change_markdown
from review.templates.assembly import Template
from tests.review.conftest import DEFAULT, EVERYTHING, Synthesize
from tests.review.mutants import mutated, named, with_runbook
from tests.review.test_trail import AUDITED
from tests.stacks.synthesis import deployment

Body = dict[str, Any]
Templates = tuple[Template, ...]
_RUNBOOK = "Restart-EC2InstanceDemo"


def _change(engine: Engine, old: Templates, new: Templates) -> Change:
    return change(review(engine, old), review(engine, new))


def _of_type(body: Body, type_: str) -> Body:
    """The first resource of a type."""
    return next(r for r in body["Resources"].values() if r["Type"] == type_)


def _set(type_: str, *path: str, value: Any) -> Callable[[Body], None]:
    def edit(body: Body) -> None:
        place = _of_type(body, type_)
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return edit


_SECRET = {"Fn::GetAtt": ["Secret", "SecretString"]}
_LISTED: dict[str, tuple[str, Callable[[Body], None], str]] = {
    "no new password at the first sign-in": (
        "AdministrationStack",
        _set("AWS::IAM::User", "Properties", "LoginProfile", "PasswordResetRequired", value=False),
        "/LoginProfile/PasswordResetRequired: true becomes false",
    ),
    "description of a policy": (
        "AdministrationStack",
        _set("AWS::IAM::ManagedPolicy", "Properties", "Description", value="Another"),
        "/Description: ",
    ),
    "longer sessions": (
        "AdministrationStack",
        _set("AWS::IAM::Role", "Properties", "MaxSessionDuration", value=43200),
        "/MaxSessionDuration: nothing becomes 43200",
    ),
    "a user who stays when the stack goes": (
        "AdministrationStack",
        _set("AWS::IAM::User", "DeletionPolicy", value="Retain"),
        '/DeletionPolicy: nothing becomes "Retain"',
    ),
    "a weaker secret": (
        "AdministrationStack",
        _set(
            "AWS::SecretsManager::Secret",
            *("Properties", "GenerateSecretString", "PasswordLength"),
            value=8,
        ),
        "/GenerateSecretString/PasswordLength: 128 becomes 8",
    ),
    "an output": (
        "AdministrationStack",
        lambda body: body["Outputs"].update(Leak={"Value": _SECRET}),
        'Outputs/Leak: nothing becomes {"Value": {"Fn::GetAtt": ["Secret", "SecretString"]}}',
    ),
    "a condition that is not used yet": (
        "AdministrationStack",
        lambda body: body.update(Conditions={"Later": {"Fn::Equals": ["a", "b"]}}),
        'Conditions: nothing becomes {"Later": {"Fn::Equals": ["a", "b"]}}',
    ),
    "a key that is not rotated": (
        "AuditStack",
        _set("AWS::KMS::Key", "Properties", "EnableKeyRotation", value=False),
        "/EnableKeyRotation: true becomes false",
    ),
    "another name of the topic's messages": (
        "AuditStack",
        _set("AWS::SNS::Topic", "Properties", "DisplayName", value="Other"),
        '/DisplayName: "Delegated runbooks" becomes "Other"',
    ),
}


@pytest.mark.parametrize(("stack", "edit", "listed"), _LISTED.values(), ids=_LISTED)
def test_difference_that_nobody_evaluates_is_listed_and_counts_as_a_gain(
    engine: Engine, synthesize: Synthesize, stack: str, edit: Callable[[Body], None], listed: str
) -> None:
    before = synthesize(AUDITED)

    changed = _change(engine, before, mutated(before, edit, stack=stack))

    (difference,) = changed.differences
    assert str(difference).startswith(f"{stack} (111122223333, us-east-1), ")
    assert listed in str(difference)
    assert changed.gains == ()
    assert changed.widens
    assert "counts as a gain" in change_markdown(changed)


def _tag(content: Body) -> None:
    content["description"] = "Another"


def _message(content: Body) -> None:
    content["mainSteps"][0]["inputs"]["Message"] = "Approve whatever it is"


def _topic(content: Body) -> None:
    content["mainSteps"][0]["inputs"]["NotificationArn"] = "arn:aws:sns:eu-west-1:999999999999:a"


def _outputs(content: Body) -> None:
    content["outputs"] = ["stopInstances.Output"]


@pytest.mark.parametrize(
    ("edit", "path"),
    [
        (_tag, "Content/description"),
        (_message, "Content/mainSteps/0/inputs/Message"),
        (_topic, "Content/mainSteps/0/inputs/NotificationArn"),
        (_outputs, "Content/outputs"),
    ],
)
def test_difference_in_what_authors_own_is_listed_and_no_gain(
    engine: Engine, synthesize: Synthesize, edit: Callable[[Body], None], path: str
) -> None:
    before = synthesize(EVERYTHING)

    changed = _change(engine, before, with_runbook(before, _RUNBOOK, edit))

    (difference,) = changed.differences
    assert difference.path.endswith(path)
    assert not changed.widens
    assert "**Not evaluated, in stacks of the authors**" in change_markdown(changed)


def test_runbook_without_its_role_is_a_gain_of_the_author(
    engine: Engine, synthesize: Synthesize
) -> None:
    before = synthesize(DEFAULT)

    def without_role(content: Body) -> None:
        del content["assumeRole"]

    changed = _change(engine, before, with_runbook(before, _RUNBOOK, without_role))

    reported = f"the author gains by {_RUNBOOK}: it runs with the caller's own permissions"
    assert reported in changed.gains
    assert [p for p in changed.violated if "runs as a service role" in p]


def test_what_deploys_a_stack_otherwise_is_listed(engine: Engine, synthesize: Synthesize) -> None:
    before = synthesize(DEFAULT)
    first, *others = before
    stack = {**first.manifest["stack"]}
    stack["properties"] = {**stack["properties"], "notificationArns": ["arn:aws:sns:::theirs"]}
    after = (replace(first, manifest={**first.manifest, "stack": stack}), *others)

    (difference,) = _change(engine, before, after).differences

    assert difference.path == "manifest/stack/properties/notificationArns"


def test_same_value_written_otherwise_is_no_difference(
    engine: Engine, synthesize: Synthesize
) -> None:
    before = synthesize(DEFAULT)

    def rewritten(body: Body) -> None:
        operators = named(body, "OperatorRestrictedPermissions")["PolicyDocument"]
        operators["Statement"].reverse()
        for statement in operators["Statement"]:
            statement["Sid"] += "Renamed"
        _of_type(body, "AWS::IAM::User")["Metadata"] = {"Reviewed": "yes"}
        _of_type(body, "AWS::IAM::User")["DependsOn"] = []

    changed = _change(engine, before, mutated(before, rewritten))

    assert changed.differences == ()
    assert not changed.widens


def test_new_and_former_people_leave_no_unexplained_difference(
    engine: Engine, synthesize: Synthesize
) -> None:
    one = synthesize(DEFAULT)
    two = synthesize(
        deployment(operators=(IamUser("AutomationRestrictedOperator"), IamUser("second")))
    )

    there, back = _change(engine, one, two), _change(engine, two, one)

    assert [difference.path.rstrip("0123456789ABCDEF") for difference in there.differences] == [
        "Outputs/SecondUserName",
        "Outputs/SecondPasswordSecret",
        "Resources/OperatorAccessUsersSecondPassword",
        "Resources/OperatorAccessUsersSecond",
    ]
    assert (back.gains, back.differences) == ((), ())


def test_user_who_leaves_the_template_and_stays_in_the_account_is_listed(
    engine: Engine, synthesize: Synthesize
) -> None:
    def retained(body: Body) -> None:
        _of_type(body, "AWS::IAM::User")["DeletionPolicy"] = "Retain"

    def gone(body: Body) -> None:
        for id_, resource in list(body["Resources"].items()):
            if resource["Type"] == "AWS::IAM::User":
                del body["Resources"][id_]
        for id_, output in list(body["Outputs"].items()):
            if "OperatorAccessUsers" in str(output):
                del body["Outputs"][id_]

    before = mutated(synthesize(DEFAULT), retained)

    changed = _change(engine, before, mutated(before, gone))

    (difference,) = changed.differences
    assert '"DeletionPolicy": "Retain"' in difference.before
    assert difference.after == ""


def test_widened_trust_is_reported_by_action(engine: Engine, synthesize: Synthesize) -> None:
    before = synthesize(DEFAULT)

    def tagging(body: Body) -> None:
        (statement,) = named(body, "AutomationServiceRole")["AssumeRolePolicyDocument"]["Statement"]
        statement["Action"] = ["sts:AssumeRole", "sts:TagSession"]

    gains = _change(engine, before, mutated(before, tagging)).gains

    assert len(gains) == 1
    assert gains[0].startswith(
        "ssm.amazonaws.com may now sts:TagSession on AutomationServiceRole where aws:SourceAccount"
    )


@pytest.mark.parametrize(
    "operators",
    [
        (IamUser("AutomationRestrictedOperator"),),
        (ExistingRole("OnCall", deny_own_permissions=True),),
        (PermissionSet("Ops"),),
        (ExistingRole("OnCall"), PermissionSet("Ops")),
    ],
)
def test_losing_the_denial_of_own_permissions_is_a_gain(
    engine: Engine, synthesize: Synthesize, operators: tuple[Person, ...]
) -> None:
    old = synthesize(deployment(operators=operators))

    def lost(body: Body) -> None:
        for id_, resource in [*body["Resources"].items()]:
            name = resource.get("Properties", {}).get("ManagedPolicyName")
            if name == "DenyOwnPermissionsInRunbooks":
                del body["Resources"][id_]

    found = _change(engine, old, mutated(old, lost))

    (account,) = review(engine, old).accounts
    assert {invariant.verdict for invariant in account.invariants} == {Verdict.HOLDS}
    assert found.widens
