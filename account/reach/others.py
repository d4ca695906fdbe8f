"""Everybody else in the account: who can start, change, share, approve, pass or assume ours.

Each question is decided by the review's engine from everything that a principal holds; a condition
is taken to hold. Service control policies are not read.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from account.expected import Expected
from account.findings import Finding, Harm, is_known
from account.live_iam import Identity, LiveIam
from account.reach.deployers import deployers, let_in, trust_of
from account.reach.foreign_policies import Held, held_by
from account.reach.questions import ASSUME_ROLE, Question, people
from review.errors import ReviewError
from review.iam.engine import Engine, Request, Requester
from review.iam.patterns import covers, may_overlap
from review.iam.statements import Statement
from review.templates.resource_types import MANAGED_POLICY

_SERVICE_LINKED = ":role/aws-service-role/"
_EVERYTHING = ("*", "*:*")
_LISTED = 3

_Trust = tuple[Statement, ...]


def check_others(
    engine: Engine,
    live: LiveIam,
    expected: Expected,
    asked: Iterable[Question],
    known: Iterable[str],
) -> Iterator[Finding]:
    """A finding for each principal that can do any of what is asked, administrators in one line;
    none for those whose names match a pattern of ``known``."""
    asked, known = tuple(asked), tuple(known)
    made = expected.made
    own = frozenset(policy.arn for policy in expected.of_type(MANAGED_POLICY))
    actions = tuple(dict.fromkeys(question.action for question in asked))
    deploying = {role.arn: role for role in deployers(live, expected)}
    named = (each for each in people(expected, live) if each.kind == "role")
    inquiry = _Inquiry(
        engine=engine,
        account=expected.account.environment.account,
        asked=asked,
        ours=_trusts(expected),
        live={role.arn: trust_of(role)[0] for role in (*deploying.values(), *named)},
    )
    administrators: list[str] = []
    for holder, identity in live.identities.items():
        if identity.kind == "group" or holder in made or identity.arn in deploying:
            continue  # a group's policies count for its users; the rest is compared as a whole
        if _SERVICE_LINKED in identity.arn or is_known(identity.name, known):
            continue
        held = held_by(identity, live, own, actions)
        if _is_administrator(held):
            administrators.append(identity.title)
        else:
            yield from inquiry.findings(identity, held)
    if administrators:
        yield Finding(
            Harm.NOTE,
            f"{len(administrators)} administrators can do whatever no policy denies them: "
            f"{', '.join(sorted(administrators))}",
            "they hold AdministratorAccess or what comes to it",
            "keep them few; nothing here limits them",
        )


def _is_administrator(held: Held) -> bool:
    bounds = held.boundary
    return _allows_everything(held.identity) and (bounds is None or _allows_everything(bounds))


def _allows_everything(statements: Iterable[Statement]) -> bool:
    return any(
        each.allows
        and not (each.but_actions or each.but_resources)
        and any(pattern in _EVERYTHING for pattern in each.actions)
        and "*" in each.resources
        for each in statements
    )


def _trusts(expected: Expected) -> dict[str, _Trust]:
    """The trust of our roles by ARN, as synthesized: how it differs is a finding of its own."""
    return {role.arn: role.trust.statements for role in expected.account.principals if role.trust}


@dataclass(slots=True)
class _Answers:
    """What a principal can do: each power with the actions, and what they are on."""

    powers: dict[Harm, dict[str, list[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    unknown: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Inquiry:
    """The questions, put to one principal after the other."""

    engine: Engine
    account: str
    asked: tuple[Question, ...]
    ours: dict[str, _Trust]
    """The trust of our roles, as synthesized."""
    live: dict[str, _Trust]
    """That of the roles that deploy, and of people whom the deployment names, as it is."""

    def findings(self, identity: Identity, held: Held) -> Iterator[Finding]:
        """What the principal can do, and what cannot be determined of it."""
        answers = self._answers(identity, held)
        for harm, powers in answers.powers.items():
            listed = "; ".join(f"{power} ({_short(how)})" for power, how in powers.items())
            yield Finding(
                harm,
                f"{identity.title} can {listed}",
                "it holds policies of its own that reach what is ours; conditions are taken to "
                "hold",
                "narrow its policies, or name it in --known if that is accepted",
            )
        for reason in dict.fromkeys((*held.not_understood, *answers.unknown)):
            yield Finding(
                Harm.UNKNOWN,
                f"what {identity.title} can do cannot be determined: {reason}",
                "the review does not understand one of its policies",
                "look at its policies: can it start, change or pass what is ours?",
            )

    def _answers(self, identity: Identity, held: Held) -> _Answers:
        found = _Answers()
        requester = Requester(
            arn=identity.arn,
            context=identity.principal.context,
            account=self.account,
            identity=held.identity,
            boundary=held.boundary,
        )
        for question in self.asked:
            for resource in question.resources:
                try:
                    is_allowed = self._is_allowed(identity, requester, question.action, resource)
                except ReviewError as error:
                    found.unknown.append(str(error))
                    break
                if is_allowed:
                    name = resource.split(":", 5)[-1]
                    how = f"{question.action} on {name}"
                    found.powers[question.harm][question.power].append(how)
                    break
        return found

    def _is_allowed(
        self, identity: Identity, requester: Requester, action: str, resource: str
    ) -> bool:
        may = _may(requester.identity, action, resource)
        trust = None
        if action == ASSUME_ROLE:
            is_ours = resource in self.ours
            trust = self.ours[resource] if is_ours else self.live[resource]
            named = [value for kind, value in let_in(trust) if kind in ("AWS", "*")]
            by_itself = any(covers(value, identity.arn) for value in named)
            if by_itself and is_ours:
                return False  # the templates name it: an author
            if not by_itself and not (may and any(_is_account(v, self.account) for v in named)):
                return False
        elif not may:
            return False
        requests = [Request(action, resource, {})]
        asks = replace(requester, trust=trust)
        return self.engine.decide(asks, requests, discover=True)[0].is_allowed


def _may(statements: Iterable[Statement], action: str, resource: str) -> bool:
    """Whether any statement may allow it: what none allows need not be asked."""
    return any(
        each.allows
        and each.speaks_of(action)
        and (each.but_resources or any(may_overlap(on, resource) for on in each.resources))
        for each in statements
    )


def _is_account(value: str, account: str) -> bool:
    """Whether a principal of a trust is an account as a whole: its policies decide then."""
    return value == account or value.split(":")[4:] == [account, "root"]


def _short(how: list[str]) -> str:
    more = f" and {len(how) - _LISTED} more" if len(how) > _LISTED else ""
    return f"{', '.join(how[:_LISTED])}{more}"
