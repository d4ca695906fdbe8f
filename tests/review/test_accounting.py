"""Every Allow is accounted for: as a grant, as cut by something named, or the review ends."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from review.access.accounting import matches, meeting, require_accounted
from review.access.effective_access import access_of
from review.access.grants import Access, Cut
from review.errors import ReviewError
from review.iam.engine import Answer, Engine, Request, Requester
from review.iam.statements import read_policy
from review.model.account import Kind, Principal

_ACCOUNT = "111122223333"
_INSTANCE = f"arn:aws:ec2:us-east-1:{_ACCOUNT}:instance/i-1"


def _policy(name: str, *statements: dict[str, Any]) -> Any:
    return read_policy(name, {"Version": "2012-10-17", "Statement": list(statements)})


def _allow(action: str, resource: str = "*", **rest: Any) -> dict[str, Any]:
    return {"Sid": "A", "Effect": "Allow", "Action": action, "Resource": resource, **rest}


def _user(*statements: dict[str, Any], boundary: Any = None) -> Principal:
    return Principal(
        name="u",
        arn=f"arn:aws:iam::{_ACCOUNT}:user/u",
        kind=Kind.USER,
        policies=(_policy("p", *statements),),
        boundary=boundary,
    )


def _cuts(engine: Engine, principal: Principal) -> set[tuple[str, str, str]]:
    access = access_of(engine, principal, ())
    assert access.grants == ()
    return {(cut.action, cut.resource, cut.cut_by) for cut in access.cuts}


def test_deny_that_takes_an_allow_back_is_named(engine: Engine) -> None:
    user = _user(
        _allow("ec2:StopInstances", _INSTANCE),
        {"Sid": "D", "Effect": "Deny", "Action": "ec2:*", "Resource": "*"},
    )

    assert _cuts(engine, user) == {("ec2:StopInstances", _INSTANCE, "p/D")}


def test_boundary_that_leaves_an_allow_out_is_named(engine: Engine) -> None:
    boundary = _policy("b", _allow("ec2:StartInstances"))

    cuts = _cuts(engine, _user(_allow("ec2:StopInstances", _INSTANCE), boundary=boundary))

    assert cuts == {("ec2:StopInstances", _INSTANCE, "b")}


def test_condition_on_another_caller_stays_with_the_grant(engine: Engine) -> None:
    another = {"StringEquals": {"aws:username": "another"}}

    access = access_of(engine, _user(_allow("ec2:StopInstances", _INSTANCE, Condition=another)), ())

    assert [(grant.resource, grant.conditions) for grant in access.grants] == [
        (_INSTANCE, ("aws:username StringEquals another",))
    ]


def test_resource_that_the_data_does_not_list_for_an_action_is_a_grant(engine: Engine) -> None:
    include = "arn:aws:cloudformation:us-east-1:aws:transform/Include"

    access = access_of(engine, _user(_allow("cloudformation:CreateChangeSet", include)), ())

    assert [(grant.action, grant.resource) for grant in access.grants] == [
        ("cloudformation:CreateChangeSet", include)
    ]


class _Denying(Engine):
    """An engine that errs: it denies one action, whatever allows it."""

    def decide(
        self, asked: Requester, requests: Iterable[Request], *, discover: bool = False
    ) -> list[Answer]:
        return [
            replace(answer, is_allowed=False) if request.action == "ec2:StopInstances" else answer
            for request, answer in zip(
                requests, super().decide(asked, requests, discover=discover), strict=True
            )
        ]


def test_engine_that_denies_what_nothing_cuts_ends_the_review() -> None:
    user = _user(_allow("ec2:StopInstances", _INSTANCE))

    with _Denying() as erring, pytest.raises(ReviewError) as caught:
        access_of(erring, user, ())

    assert str(caught.value) == (
        f"u: p/A allows ec2:StopInstances on {_INSTANCE}, no statement and no boundary cuts it, "
        f"and the engine denies it"
    )


def test_grant_that_was_lost_ends_the_review(engine: Engine) -> None:
    user = _user(_allow("ec2:StopInstances", _INSTANCE))
    whole = access_of(engine, user, ())
    lost = Access(principal=user, grants=(), known=whole.known, open_actions=())

    assert require_accounted(whole, engine.actions()) == ()
    with pytest.raises(ReviewError) as caught:
        require_accounted(lost, engine.actions())

    assert str(caught.value) == (
        f"u: p/A allows ec2:StopInstances on {_INSTANCE}, nothing cuts it, and the review shows no "
        f"grant of it"
    )


def test_cut_stands_for_what_it_cuts_alone(engine: Engine) -> None:
    user = _user(_allow("ec2:StopInstances", _INSTANCE), _allow("ec2:StartInstances", _INSTANCE))
    cut = Cut(action="ec2:StopInstances", resource=_INSTANCE, by=("p/A",), cut_by="x")
    access = Access(principal=user, grants=(), known=1, open_actions=(), cuts=(cut,))

    with pytest.raises(ReviewError, match="allows ec2:StartInstances on"):
        require_accounted(access, engine.actions())


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*", "", True),
        ("a*c", "abbc", True),
        ("a*c", "abb", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("*a*b", "xaxbxb", True),
        ("a.c", "abc", False),
    ],
)
def test_pattern_stands_for_a_text(pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text) is expected


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (("a*", "*b"), "ab"),
        (("a*", "b*"), None),
        (("instance/*", "*"), "instance/"),
        (("a?c", "*c", "a*"), "axc"),
        (("x", "x"), "x"),
        (("document/A*", "document/*"), "document/A"),
    ],
)
def test_request_is_made_that_all_patterns_stand_for(
    patterns: tuple[str, ...], expected: str | None
) -> None:
    assert meeting(*patterns) == expected
