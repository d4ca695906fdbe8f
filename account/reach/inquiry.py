"""Questions, put to one principal after the other and decided by the review's engine."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from account.findings import Finding, Harm
from account.live_iam import Identity
from account.reach.actions import ASSUME_ROLE
from account.reach.deployers import let_in
from account.reach.foreign_policies import Held
from account.reach.questions import Question
from review.errors import ReviewError
from review.iam.engine import Engine, Request, Requester
from review.iam.patterns import an_example, covers, may_overlap
from review.iam.statements import ALLOW_EVERYTHING, Statement

_LISTED = 3
_KNOWN = ("aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalType", "aws:username")
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

    def session_of(self, principal: str) -> str:
        """The session of a principal that it names; the principal itself where it names none.

        Source: IAM User Guide, AWS JSON policy elements: Principal, role sessions.
        """
        return next((v for v in self.named if _is_session_of(v, principal)), principal)

    def names(self, principal: str) -> bool:
        """Whether it names a user or role by itself, or a session of the role."""
        return any(covers(v, principal) or _is_session_of(v, principal) for v in self.named)


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
        """Whether anything in them is a gain of access, or stops what is recorded."""
        return Harm.ACCESS in self.powers or Harm.RECORD in self.powers

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
            known=_KNOWN,
        )
        for question in asked:
            for resource in self._possible(requester, question):
                try:
                    is_allowed = self._is_allowed(requester, question.action, resource)
                except ReviewError as error:
                    found.unknown.append(str(error))
                    return found  # the engine would say the same of each further question
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
        resources = question.resources
        if question.is_pattern:
            resources = tuple(_examples(question.resources[0], speaking))
        for resource in resources:
            if resource == requester.arn and question.is_of_others:
                continue
            may = any(
                each.but_resources or any(may_overlap(on, resource) for on in each.resources)
                for each in speaking
            )
            if action == ASSUME_ROLE:
                trust = self.trusts[resource]
                if trust.names(requester.arn):
                    if not trust.is_ours:
                        yield resource
                    continue
                may = may and any(_is_account(value, self.account) for value in trust.named)
            if may:
                yield resource

    def _is_allowed(self, requester: Requester, action: str, resource: str) -> bool:
        trust = None
        if action == ASSUME_ROLE:
            trust = self.trusts[resource].statements
            requester = replace(requester, arn=self.trusts[resource].session_of(requester.arn))
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


def _examples(pattern: str, statements: Iterable[Statement]) -> Iterator[str]:
    """Resources of a pattern that statements speak of, one for each; none for a statement that asks
    for a certain policy or permissions boundary."""
    for each in statements:
        keys = {key.lower() for _, key, _ in each.conditions}
        if keys & _BOUNDED:
            continue
        for on in ("*",) if each.but_resources else each.resources:
            if covers(on, pattern):
                yield an_example(pattern)
            elif may_overlap(on, pattern):
                yield an_example(on)


_BOUNDED = {"iam:permissionsboundary", "iam:policyarn"}


def _is_session_of(value: str, principal: str) -> bool:
    """Whether a principal of a trust is a session of a role."""
    named, role = value.split(":", 5), principal.split(":", 5)
    if len(named) < 6 or len(role) < 6 or not named[5].startswith("assumed-role/"):
        return False
    is_same = named[5].split("/")[1] == role[5].rsplit("/", 1)[-1]
    return is_same and role[5].startswith("role/") and named[4] == role[4]


def _is_account(value: str, account: str) -> bool:
    """Whether a principal of a trust is an account as a whole: its policies decide then."""
    return value == account or value.split(":")[4:] == [account, "root"]


def _short(how: list[str]) -> str:
    more = f" and {len(how) - _LISTED} more" if len(how) > _LISTED else ""
    return f"{', '.join(how[:_LISTED])}{more}"
