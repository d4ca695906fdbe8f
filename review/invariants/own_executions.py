"""What operators do who follow their own executions alone, as their runbooks' documents say.

A start carries two tags: the user id of its starter, and the team. IAM compares an execution's tags
with the caller's id, and with the team of an approver.
"""

from collections.abc import Collection, Iterable, Iterator

from review.access.evaluation import Decision, Evaluator
from review.access.grants import Grant
from review.iam.engine import Context
from review.iam.names import START
from review.iam.patterns import covers
from review.model.account import Principal

STOP, TAG, UNTAG = (
    "ssm:StopAutomationExecution",
    "ssm:AddTagsToResource",
    "ssm:RemoveTagsFromResource",
)
FOLLOW = ("ssm:GetAutomationExecution", STOP)
"""What an operator does with an execution of their own."""
_SELF = "${aws:userid}"
_MINE, _OTHERS = "AIDAEXAMPLEOWN", "AIDAEXAMPLEOTHER"
_COMPARED = ("Request", "Resource")
_STARTED_BY, _TEAM = "StartedBy", "OperatorTeam"
_KEYS = f"aws:TagKeys ForAllValues:StringEquals {_STARTED_BY}, {_TEAM}"
_NOT_OWN = (("StringNotEquals", f"aws:ResourceTag/{_STARTED_BY}", (_SELF,)),)


def tags_of_teams(evaluator: Evaluator, who: Principal) -> tuple[str, ...]:
    """The tags of the executions of an operator's or approver's teams; none where their executions
    are not kept apart, which is so where any runbook's are not."""
    runbooks = evaluator.account.runbooks_of(who)
    if not all(runbook.execution_tag for runbook in runbooks):
        return ()
    return tuple(dict.fromkeys(runbook.execution_tag for runbook in runbooks))


def beyond_own(evaluator: Evaluator, operator: Principal, grants: Iterable[Grant]) -> list[Grant]:
    """Those grants that are more than to start, tag, follow and stop executions of one's own."""
    tags = tags_of_teams(evaluator, operator)
    return [grant for grant in grants if not (tags and _is_own(evaluator, grant, tags))]


def _is_own(evaluator: Evaluator, grant: Grant, tags: Collection[str]) -> bool:
    by_self = f"aws:ResourceTag/{_STARTED_BY} StringEquals {_SELF}"
    needed = [{by_self}] if grant.action in FOLLOW else []
    if grant.action in (START, TAG):
        needed = [
            {
                by_self,
                f"aws:RequestTag/{_STARTED_BY} StringEquals {_SELF}",
                f"aws:ResourceTag/{_TEAM} StringEquals {tag}",
                f"aws:RequestTag/{_TEAM} StringEquals {tag}",
                *((_KEYS,) if grant.action == TAG else ()),
            }
            for tag in tags
        ]
    return is_on_executions(evaluator, grant) and any(
        conditions <= set(grant.conditions) for conditions in needed
    )


def is_on_executions(evaluator: Evaluator, grant: Grant) -> bool:
    """Whether a grant is on executions of this account alone."""
    regions = evaluator.account.regions
    return any(
        covers(evaluator.ssm_arn("automation-execution/*", region=region), grant.resource)
        for region in regions
    )


def start_context(evaluator: Evaluator, operator: Principal, document: str) -> Context:
    """The tag that a start of a runbook gives; none where its executions are not kept apart."""
    tags = {arn: r.execution_tag for r in evaluator.account.runbooks for arn in r.arns}
    is_tagged = bool(tags_of_teams(evaluator, operator)) and bool(tags.get(document))
    return {f"aws:RequestTag/{_TEAM}": tags[document]} if is_tagged else {}


def starts_as_another_team(evaluator: Evaluator, operator: Principal) -> list[Grant]:
    """The starts of a team's runbooks that may give another team's tag."""
    if not tags_of_teams(evaluator, operator):
        return []
    wanted = {
        arn: f"aws:RequestTag/{_TEAM} StringEquals {runbook.execution_tag}"
        for runbook in evaluator.account.runbooks_of(operator)
        for document in runbook.arns
        for arn in (document, f"{document.replace(':document/', ':automation-definition/')}:*")
    }
    return [
        grant
        for grant in evaluator.access(operator).on(START)
        if not is_on_executions(evaluator, grant)
        and wanted.get(grant.resource, "another runbook") not in grant.conditions
    ]


def may_be_taken_over(evaluator: Evaluator, operator: Principal) -> Iterator[str]:
    """A sentence where nothing denies an operator to change the tags of others' executions,
    whatever else grants it."""
    if not tags_of_teams(evaluator, operator):
        return
    executions = [
        evaluator.ssm_arn("automation-execution/*", region=region)
        for region in evaluator.account.regions
    ]
    denials = [
        statement
        for policy in operator.policies
        for statement in policy.statements
        if not statement.allows
        and statement.conditions == _NOT_OWN
        and not (statement.but_actions or statement.but_resources)
        and {TAG, UNTAG} <= set(statement.actions)
    ]
    if not any(set(executions) <= set(denial.resources) for denial in denials):
        yield f"{operator.name} is not denied to change the tags of others' executions"


def own_decisions(evaluator: Evaluator, operator: Principal) -> Iterator[Decision]:
    """Each call on an own execution, with twins on somebody else's and on one without tags."""
    for tag in tags_of_teams(evaluator, operator):
        for region in evaluator.account.regions:
            execution = evaluator.execution(region=region)
            for action in (*FOLLOW, START, TAG):
                for context, expected in (
                    (_tags(_MINE, tag), True),
                    (_tags(_OTHERS, tag), False),
                    ({"aws:userid": _MINE}, False),
                ):
                    yield evaluator.evaluate(
                        operator, action, execution, expected=expected, context=context
                    )
            for action in (START, TAG):
                context = _tags(_MINE, "another-team")
                yield evaluator.evaluate(
                    operator, action, execution, expected=False, context=context
                )
            yield evaluator.evaluate(
                operator, UNTAG, execution, expected=False, context=_tags(_MINE, tag)
            )


def _tags(starter: str, team: str) -> Context:
    """A start with these tags, or a call on an execution that has them, by the same caller."""
    tags = {_STARTED_BY: starter, _TEAM: team}
    return {
        "aws:userid": _MINE,
        "aws:TagKeys": [*tags],
        **{
            f"aws:{of}Tag/{key}": tag for of in ("Request", "Resource") for key, tag in tags.items()
        },
    }


def of_team(grant: Grant, tags: Collection[str]) -> bool:
    """Whether a grant is on executions of these teams alone."""
    return any(f"aws:ResourceTag/{_TEAM} StringEquals {tag}" in grant.conditions for tag in tags)


def team_context(tag: str) -> Context:
    """A call on an execution of a team's operators."""
    return {f"aws:ResourceTag/{_TEAM}": tag}
