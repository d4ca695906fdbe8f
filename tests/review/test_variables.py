"""Policy variables: filled in where they are known, else whatever gives the principal more."""

import pytest

from review.errors import ReviewError
from review.iam.policy_variables import Values, filled
from review.iam.statements import Statement

_ROLES = "arn:aws:iam::111122223333:role/"
_USER = Values(
    known={"aws:username": "operator", "aws:principalaccount": "111122223333"}, absent=frozenset()
)
_ROLE = Values(known={"aws:principalaccount": "111122223333"}, absent=frozenset({"aws:username"}))


def _statement(*resources: str, allows: bool = True, but_resources: bool = False) -> Statement:
    return Statement(
        sid="S",
        allows=allows,
        actions=("sts:AssumeRole",),
        but_actions=False,
        resources=resources,
        but_resources=but_resources,
        principals=(),
        conditions=(),
    )


@pytest.mark.parametrize(
    ("variable", "in_allow", "in_deny"),
    [
        ("deploy-${aws:PrincipalAccount}-*", "deploy-111122223333-*", "deploy-111122223333-*"),
        ("${aws:username}*", "operator*", "operator*"),
        ("*${AWS:UserName}", "*operator", "*operator"),
        ("a/${aws:username}/*", "a/operator/*", "a/operator/*"),
        ("${aws:username}${aws:PrincipalAccount}", "operator111122223333", "operator111122223333"),
        ("${aws:PrincipalTag/team}-x", "*-x", None),
        ("${aws:PrincipalTag/team, 'a'}-x", "*-x", None),
        ("${ aws:username }", "operator", "operator"),
        ("${*}", "*", None),
        ("${$}{aws:username}", "${aws:username}", "${aws:username}"),
        ("${}", "*", None),
    ],
)
def test_variable_is_filled_in_as_widely_as_it_gives_power(
    variable: str, in_allow: str, in_deny: str | None
) -> None:
    allow = filled(_statement(_ROLES + variable), _USER)
    deny = filled(_statement(_ROLES + variable, allows=False), _USER)

    assert allow is not None
    assert allow.resources == (_ROLES + in_allow,)
    assert (deny.resources if deny else None) == (in_deny and (_ROLES + in_deny,))


def test_resource_of_a_variable_that_the_principal_lacks_matches_nothing() -> None:
    own = _ROLES + "${aws:username}"

    assert filled(_statement(own), _ROLE) is None
    assert filled(_statement(own, allows=False), _ROLE) is None
    assert filled(_statement(own, _ROLES + "a"), _ROLE) == _statement(_ROLES + "a")


def test_default_stands_for_a_variable_that_the_principal_lacks() -> None:
    statement = filled(_statement(_ROLES + "${aws:username, 'nobody'}"), _ROLE)

    assert statement == _statement(_ROLES + "nobody")


def test_unknown_exception_leaves_an_allow_wide_and_a_deny_narrow() -> None:
    own = _ROLES + "${aws:PrincipalTag/team}"

    allow = filled(_statement(own, but_resources=True), _USER)
    deny = filled(_statement(own, allows=False, but_resources=True), _USER)

    assert allow == _statement("*")
    assert deny == _statement(_ROLES + "*", allows=False, but_resources=True)


def test_unknown_condition_holds_in_an_allow_and_not_in_a_deny() -> None:
    condition = (("StringEquals", "aws:ResourceTag/team", ("${aws:PrincipalTag/team}",)),)
    allow, deny = (
        Statement(
            sid="S",
            allows=allows,
            actions=("ec2:StopInstances",),
            but_actions=False,
            resources=("*",),
            but_resources=False,
            principals=(),
            conditions=condition,
        )
        for allows in (True, False)
    )

    held = filled(allow, _USER)
    assert held is not None
    assert held.conditions == ()
    assert filled(deny, _USER) is None


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        (
            "arn:aws:iam::${aws:PrincipalAccount}:role/a",
            "statement S: 'arn:aws:iam::${aws:PrincipalAccount}:role/a' has a policy variable "
            "where IAM fills in none; it does so after the fifth colon",
        ),
        (_ROLES + "${aws:username", "'role/${aws:username' has a policy variable without an end"),
    ],
)
def test_variable_that_iam_does_not_fill_in_is_refused(resource: str, message: str) -> None:
    with pytest.raises(ReviewError) as caught:
        filled(_statement(resource), _USER)

    assert str(caught.value) == message
