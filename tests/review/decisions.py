"""The named decisions of decisions.yaml, asked one by one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from review.access.evaluation import Evaluator
from review.errors import ReviewError
from review.iam.engine import Engine
from review.model.account_reader import read_accounts
from review.templates.assembly import Template

_FILE = Path(__file__).with_name("decisions.yaml")
_FACTS = ("who", "action", "resource", "with")


@dataclass(frozen=True, kw_only=True)
class Named:
    """A question and its answer."""

    who: str
    action: str
    resource: str
    context: tuple[tuple[str, Any], ...]
    whatever_else: bool
    allowed: bool


def named_decisions() -> list[Named]:
    """Every allow and every denied twin."""
    return [
        decision
        for entry in yaml.safe_load(_FILE.read_text("utf-8"))
        for decision in _with_twins(entry)
    ]


def _with_twins(entry: dict[str, Any]) -> Iterator[Named]:
    base = {"with": {}, **{key: value for key, value in entry.items() if key != "denied"}}
    yield _named(base, allowed=True)
    assert entry["denied"]
    for twin in entry["denied"]:
        (fact,) = twin
        assert fact in _FACTS
        assert twin[fact] != base[fact]
        yield _named({**base, **twin}, allowed=False)


def _named(facts: dict[str, Any], *, allowed: bool) -> Named:
    context = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in facts["with"].items()
    }
    return Named(
        who=facts["who"],
        action=facts["action"],
        resource=facts["resource"],
        context=tuple(context.items()),
        whatever_else=facts.get("whatever else", False),
        allowed=allowed,
    )


def decided(engine: Engine, templates: tuple[Template, ...]) -> dict[Named, bool | None]:
    """The answers that templates give; None where somebody is not there any more."""
    (account,) = read_accounts(templates)
    evaluator = Evaluator(engine, account)
    return {named: _decided(evaluator, named) for named in named_decisions()}


def _decided(evaluator: Evaluator, named: Named) -> bool | None:
    who = [p for p in evaluator.account.principals if p.name == named.who]
    if not who:
        return None
    trust = None
    if named.action == "sts:AssumeRole":
        role = evaluator.account.by_arn(named.resource)
        trust = role.trust if role else None
    try:
        decision = evaluator.evaluate(
            who[0],
            named.action,
            named.resource,
            expected=named.allowed,
            context=dict(named.context),
            trust=trust,
            whatever_else=named.whatever_else,
        )
    except ReviewError as error:
        raise AssertionError(f"{named}: {error}") from None
    return decision.allowed
