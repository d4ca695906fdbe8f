"""Grants against two other answers: the independent matcher's, and every request of a small world.

Policies are generated with variables, wildcards, NotAction, NotResource, conditions, denials and
boundaries; whatever a request of the world may do by IAM's own rules, a grant has to stand for.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review.access.accounting import matches
from review.access.effective_access import access_of
from review.access.grants import Access
from review.iam.actions import Actions
from review.iam.engine import Engine, Request, Requester
from review.iam.statements import Policy, read_policy
from review.model.account import Kind, Principal

_ACCOUNT, _NAME = "111122223333", "ann"
_SSM = f"arn:aws:ssm:us-east-1:{_ACCOUNT}"
_ACTIONS = (
    *("ssm:GetDocument", "ssm:UpdateDocument", "ssm:ListDocuments"),
    *("ssm:StartAutomationExecution", "ssm:DeleteParameter"),
)
_RESOURCES = (
    *(f"{_SSM}:document/ann", f"{_SSM}:document/annex", f"{_SSM}:document/bob"),
    *(f"{_SSM}:automation-execution/1", f"{_SSM}:parameter/ann", "*"),
)
_KEY = "aws:RequestedRegion"
"""A key of any request: the region that it is sent to."""

_actions = st.sampled_from((*_ACTIONS, "ssm:Get*", "ssm:*Document", "ssm:*", "*"))
_patterns = st.sampled_from(
    (
        *_RESOURCES,
        f"{_SSM}:document/*",
        f"{_SSM}:document/ann*",
        f"{_SSM}:document/${{aws:username}}",
        f"{_SSM}:document/${{aws:username}}*",
        f"{_SSM}:document/*${{aws:username}}",
        f"{_SSM}:*/${{aws:username}}",
        f"arn:aws:ssm:*:{_ACCOUNT}:document/b?b",
        "arn:aws:ssm:*:*:*/${aws:username, 'bob'}",
    )
)
_conditions = st.sampled_from(
    (
        *({}, {}, {"StringEquals": {_KEY: "us-east-1"}}),
        *({"StringNotEquals": {_KEY: "us-east-1"}}, {"StringLike": {_KEY: "eu-*"}}),
    )
)


@st.composite
def _statements(draw: st.DrawFn, effects: tuple[str, ...]) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Effect": draw(st.sampled_from(effects)),
        draw(st.sampled_from(("Action", "Action", "NotAction"))): draw(
            st.lists(_actions, min_size=1, max_size=3)
        ),
        draw(st.sampled_from(("Resource", "Resource", "NotResource"))): draw(
            st.lists(_patterns, min_size=1, max_size=3)
        ),
    }
    if condition := draw(_conditions):
        statement["Condition"] = condition
    return statement


def _policies(name: str) -> st.SearchStrategy[Policy]:
    effects = ("Allow", "Allow", "Deny")
    return st.lists(_statements(effects), min_size=1, max_size=3).map(
        lambda statements: read_policy(name, {"Version": "2012-10-17", "Statement": statements})
    )


class _SmallEngine(Engine):
    """An engine for which AWS has the actions of the world only."""

    def actions(self) -> Actions:
        known = super().actions()
        found = [action for action in map(known.get, _ACTIONS) if action is not None]
        return Actions(found, known.version)


@pytest.fixture(scope="module")
def small_engine() -> Iterator[Engine]:
    """A running engine of the small world."""
    with _SmallEngine() as running:
        yield running


def _user(policy: Policy, boundary: Policy | None) -> Principal:
    return Principal(
        name=_NAME,
        arn=f"arn:aws:iam::{_ACCOUNT}:user/{_NAME}",
        kind=Kind.USER,
        policies=(policy,),
        boundary=boundary,
    )


def _fill(text: str) -> str:
    return text.replace("${aws:username}", _NAME).replace("${aws:username, 'bob'}", _NAME)


def _may(principal: Principal, action: str, resource: str, region: str) -> bool:
    """What IAM decides, by its documented rules and nothing else."""

    def applies(statement: Any) -> bool:
        names = any(matches(p.lower(), action.lower()) for p in statement.actions)
        on = any(matches(_fill(r), resource) for r in statement.resources)
        met = all(_meets(operator, values, region) for operator, _, values in statement.conditions)
        return names != statement.but_actions and on != statement.but_resources and met

    def allowed(policies: tuple[Policy, ...]) -> bool:
        return any(s.allows and applies(s) for policy in policies for s in policy.statements)

    denied = any(not s.allows and applies(s) for p in principal.held for s in p.statements)
    within = principal.boundary is None or allowed((principal.boundary,))
    return not denied and within and allowed(principal.policies)


def _meets(operator: str, values: tuple[str, ...], region: str) -> bool:
    found = any(matches(value, region) for value in values)
    return found != (operator == "StringNotEquals")


def _can_be_asked(engine: Engine, action: str, resource: str) -> bool:
    found = engine.actions().get(action)
    return (
        found is not None
        and found.takes(resource)
        and (resource == "*") == (found.takes_no_resource)
    )


def _is_granted(access: Access, action: str, resource: str) -> bool:
    return any(matches(grant.resource, resource) for grant in access.on(action))


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
)
@given(policy=_policies("p"), boundary=st.none() | _policies("b"))
def test_whatever_iam_allows_is_granted_and_the_engine_agrees(
    small_engine: Engine, policy: Policy, boundary: Policy | None
) -> None:
    engine = small_engine
    user = _user(policy, boundary)
    access = access_of(engine, user, ())
    asked = Requester(
        arn=user.arn,
        context=user.context,
        account=_ACCOUNT,
        identity=user.filled(policy.statements),
        boundary=user.filled(boundary.statements) if boundary else None,
    )
    world = [
        (action, resource)
        for action, resource in itertools.product(_ACTIONS, _RESOURCES)
        if _can_be_asked(engine, action, resource)
    ]

    for action, resource in world:
        for region in ("us-east-1", "eu-west-1"):
            expected = _may(user, action, resource, region)
            request = Request(action, resource, {_KEY: region})
            assert engine.decide(asked, [request])[0].is_allowed == expected
            assert not expected or _is_granted(access, action, resource)
    for grant in access.grants:
        assert any(
            s.allows
            and any(matches(p.lower(), grant.action.lower()) for p in s.actions) != s.but_actions
            for s in policy.statements
        )
