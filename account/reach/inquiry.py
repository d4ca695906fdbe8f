"""Questions, put to one principal after the other and decided by the review's engine."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from account.findings import Finding, Harm
from account.live_iam import Identity
from account.reach.deployers import let_in
from account.reach.foreign_policies import Held
from account.reach.questions import ASSUME_ROLE, Question
from review.errors import ReviewError
from review.iam.engine import Engine, Request, Requester
from review.iam.patterns import covers, may_overlap
from review.iam.statements import ALLOW_EVERYTHING, Statement

_LISTED = 3
Control = tuple[Statement, ...]
"""What the service control policies of one level of the organization leave to the account."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom a role lets in, as far as users and roles of the account may be among them."""

    statements: tuple[Statement, ...]
    is_ours: bool = False
    """Whether the templates make it: those whom it names are authors."""

    @property
    def named(self) -> tuple[str, ...]:
        """The ARNs, patterns and accounts that it names."""
        return tuple(v for kind, v in let_in(self.statements) if kind in ("AWS", "*"))


@dataclass(slots=True)
class Answers:
    """What a principal can do: each power with the actions, and what they are on."""

    identity: Identity
    powers: dict[Harm, dict[str, list[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    unknown: list[str] = field(default_factory=list)

    @property
    def reach_what_is_ours(self) -> bool:
        """Whether anything in them is a gain of access."""
        return Harm.ACCESS in self.powers

    def findings(self) -> Iterator[Finding]:
        """A finding for each harm, and for each reason why something cannot be determined."""
        title = self.identity.title
        for harm, powers in self.powers.items():
            listed = "; ".join(f"{power} ({_short(how)})" for power, how in powers.items())
            yield Finding(
                harm,
                f"{title} can {listed}",
                "it holds policies of its own that reach what is ours; conditions are taken to "
                "hold",
                "narrow its policies, or name it in known-principals.txt if that is accepted",
            )
        for reason in dict.fromkeys(self.unknown):
            yield Finding(
                Harm.UNKNOWN,
                f"what {title} can do cannot be determined: {reason}",
                "the review does not understand one of its policies",
                "look at its policies: can it start, change or pass what is ours?",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Inquiry:
    """What decides about the questions."""

    engine: Engine
    account: str
    trusts: Mapping[str, Trust]
    """By the ARNs of the roles that may be asked about."""
    controls: tuple[Control, ...] = ()
    """One for each level of the organization, all of which have to allow something."""

    def answers(self, identity: Identity, held: Held, asked: Iterable[Question]) -> Answers:
        """What a principal can do of what is asked."""
        found = Answers(identity)
        requester = Requester(
            arn=identity.arn,
            context=identity.principal.context,
            account=self.account,
            identity=held.identity,
            boundary=held.boundary,
        )
        for question in asked:
            for resource in self._possible(requester, question):
                try:
                    is_allowed = self._is_allowed(requester, question.action, resource)
                except ReviewError as error:
                    found.unknown.append(str(error))
                    break
                if is_allowed:
                    name = resource.split(":", 5)[-1]
                    how = f"{question.action} on {name}"
                    found.powers[question.harm][question.power].append(how)
                    break
        return found

    def _possible(self, requester: Requester, question: Question) -> Iterator[str]:
        """The resources of a question that some statement may allow: the rest is not asked."""
        action = question.action
        speaking = [s for s in requester.identity if s.allows and s.speaks_of(action)]
        for resource in question.resources:
            if resource == requester.arn and question.is_of_others:
                continue
            may = any(
                each.but_resources or any(may_overlap(on, resource) for on in each.resources)
                for each in speaking
            )
            if action == ASSUME_ROLE:
                trust = self.trusts[resource]
                if any(covers(value, requester.arn) for value in trust.named):
                    if not trust.is_ours:
                        yield resource
                    continue
                may = may and any(_is_account(value, self.account) for value in trust.named)
            if may:
                yield resource

    def _is_allowed(self, requester: Requester, action: str, resource: str) -> bool:
        trust = self.trusts[resource].statements if action == ASSUME_ROLE else None
        limits = (
            replace(requester, identity=(ALLOW_EVERYTHING,), boundary=control)
            for control in self.controls
        )
        return all(
            self.engine.decide(
                replace(each, trust=trust), [Request(action, resource, {})], discover=True
            )[0].is_allowed
            for each in (requester, *limits)
        )


def _is_account(value: str, account: str) -> bool:
    """Whether a principal of a trust is an account as a whole: its policies decide then."""
    return value == account or value.split(":")[4:] == [account, "root"]


def _short(how: list[str]) -> str:
    more = f" and {len(how) - _LISTED} more" if len(how) > _LISTED else ""
    return f"{', '.join(how[:_LISTED])}{more}"
