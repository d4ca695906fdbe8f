"""The evaluator of one account: what each principal can do, and any single question about it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from review.access.effective_access import access_of, requester_of
from review.access.grants import Access
from review.iam.engine import Context, Engine, Request, Requester
from review.iam.names import ASSUME_ROLE
from review.iam.patterns import covers
from review.iam.statements import ALLOW_EVERYTHING, Policy
from review.model.account import Account, Persona, Principal

SOMEBODY_ELSES_RUNBOOK = "Somebody-Elses-Runbook"
"""A document that no template makes."""
OTHER_ACCOUNT = "999999999999"
"""An account that no template goes to."""
EXECUTION = "4105a4fc-f944-11e6-9d32-0a1b2c3d4e5f"
"""The id of a run, of the form that AWS gives."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """A named question and what the engine said to it."""

    who: str
    """The principal's ARN, or a service."""
    action: str
    resource: str
    context: tuple[tuple[str, str], ...]
    """Condition keys of the request."""
    expected: bool
    """Whether the invariant needs it allowed."""
    allowed: bool

    @property
    def is_as_expected(self) -> bool:
        """Whether the invariant holds in this point."""
        return self.expected == self.allowed


class Evaluator:
    """Answers about one account's principals; each is swept once."""

    def __init__(self, engine: Engine, account: Account) -> None:
        self.engine = engine
        self.account = account
        self._roles = tuple(p for p in account.principals if p.trust)
        self._accesses = {p.arn: access_of(engine, p, self._roles) for p in account.principals}

    @property
    def accesses(self) -> tuple[Access, ...]:
        """What each principal can do, in the order of the account's principals."""
        return tuple(self._accesses.values())

    def access(self, principal: Principal) -> Access:
        """What a principal can do."""
        return self._accesses[principal.arn]

    def accesses_of(self, *parts: Persona) -> tuple[Access, ...]:
        """What those with one of these parts can do."""
        return tuple(map(self.access, self.account.having(*parts)))

    def evaluate(
        self,
        who: Principal,
        action: str,
        resource: str,
        *,
        expected: bool,
        context: Context | None = None,
        trust: Policy | None = None,
        whatever_else: bool = False,
    ) -> Decision:
        """The decision whether a principal may do something, with exactly this context.

        With ``whatever_else``, as if it were given everything besides: only a Deny counts. What the
        engine cannot evaluate, by its data, is allowed where a grant covers it.
        """
        found = self.engine.actions().get(action)
        if found is not None and not found.takes(resource):
            granted = any(covers(grant.resource, resource) for grant in self.access(who).on(action))
            return _decision(who.arn, action, resource, expected, context or {}, granted)
        asked = requester_of(who, self.account.environment.account, trust=trust)
        if whatever_else:
            boundary = asked.boundary and (*asked.boundary, ALLOW_EVERYTHING)
            asked = replace(asked, identity=(*asked.identity, ALLOW_EVERYTHING), boundary=boundary)
        return self._decide(asked, action, resource, expected, context or {})

    def evaluate_trust(
        self, who: str, role: Principal, *, expected: bool, context: Context | None = None
    ) -> Decision:
        """The decision whether a service or an ARN outside of the account's model may assume a
        role, by the role's trust alone."""
        asked = Requester(
            arn=who,
            context={},
            account=self.account.environment.account,
            identity=(),
            trust=role.trust.statements if role.trust else (),
        )
        return self._decide(asked, ASSUME_ROLE, role.arn, expected, context or {})

    def _decide(
        self,
        asked: Requester,
        action: str,
        resource: str,
        expected: bool,
        context: Context,
    ) -> Decision:
        answer = self.engine.decide(asked, [Request(action, resource, context)])[0]
        return _decision(asked.arn, action, resource, expected, context, answer.is_allowed)

    def ssm_arn(self, resource: str, *, region: str = "", account: str = "") -> str:
        """The ARN of an SSM resource of the account, or of another one or Region."""
        environment = self.account.environment
        elsewhere = replace(
            environment, region=region or environment.region, account=account or environment.account
        )
        return elsewhere.ssm_arn(resource)

    def execution(self, *, region: str = "", account: str = "") -> str:
        """The ARN of a run."""
        return self.ssm_arn(f"automation-execution/{EXECUTION}", region=region, account=account)

    def other_region(self) -> str:
        """A Region of the partition that no template goes to."""
        known = _REGIONS.get(self.account.environment.partition, ())
        elsewhere = (region for region in known if region not in self.account.regions)
        return next(elsewhere, "nowhere-1")


def _decision(
    who: str, action: str, resource: str, expected: bool, context: Context, allowed: bool
) -> Decision:
    return Decision(
        who=who,
        action=action,
        resource=resource,
        context=tuple(
            (key, value if isinstance(value, str) else ", ".join(value))
            for key, value in sorted(context.items())
        ),
        expected=expected,
        allowed=allowed,
    )


_REGIONS = {
    "aws": ("eu-west-1", "us-east-2", "ap-southeast-2"),
    "aws-cn": ("cn-north-1", "cn-northwest-1"),
    "aws-us-gov": ("us-gov-west-1", "us-gov-east-1"),
}


def names(principals: Iterable[Principal]) -> str:
    """Their names, for a sentence."""
    listed = [principal.name for principal in principals]
    return " and ".join(filter(None, [", ".join(listed[:-1]), *listed[-1:]]))
