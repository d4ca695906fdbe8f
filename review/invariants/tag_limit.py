"""The limit that a tag sets to a service role: on which instances it acts."""

from collections.abc import Iterable, Mapping

from review.access.evaluation import Decision, Evaluator
from review.access.grants import Grant
from review.iam.actions import Action
from review.iam.conditions import conditions_as_text
from review.iam.patterns import an_example, overlap
from review.invariants.invariant import Proof
from review.model.account import Principal

TAG = "aws:ResourceTag/"


def limiting_tags(role: Principal) -> dict[str, tuple[str, ...]]:
    """The tags that a role's boundary asks of instances, or its policies: for each key, the values
    of which they must have one."""
    found: dict[str, tuple[str, ...]] = {}
    for policy in role.held:
        for statement in policy.statements:
            for operator, key, values in statement.conditions if statement.allows else ():
                if operator == "StringEquals" and key.startswith(TAG):
                    name = key.removeprefix(TAG)
                    found[name] = tuple(dict.fromkeys((*found.get(name, ()), *values)))
    return found


def tagged(tags: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """What a request shows of an instance that has these tags, of each the first value."""
    return {f"{TAG}{key}": values[0] for key, values in tags.items()}


def acts_on_tagged(evaluator: Evaluator, role: Principal, key: str) -> Proof:
    """That a role acts on instances with a tag alone, whatever else they have, and cannot set or
    remove it."""
    actions, tags = evaluator.engine.actions(), limiting_tags(role)
    instance, fitting = an_instance(evaluator), tagged(tags)
    without = {name: value for name, value in fitting.items() if name != f"{TAG}{key}"}
    decisions: list[Decision] = []
    for name in evaluator.access(role).allowed_actions:
        found = actions.get(name)
        grants = evaluator.access(role).on(name)
        if found is None or not _are_on(instance, found, grants):
            continue
        decisions += [
            evaluator.evaluate(
                role,
                name,
                instance,
                expected=expected,
                context={**fitting, f"{TAG}{key}": value},
            )
            for value, expected in (*((each, True) for each in tags[key]), ("another", False))
        ]
        decisions.append(evaluator.evaluate(role, name, instance, expected=False, context=without))
    for name, context in (
        ("ec2:CreateTags", {"aws:TagKeys": [key]}),
        ("ec2:CreateTags", {"aws:TagKeys": [key.upper()]}),
        ("ec2:DeleteTags", {"aws:TagKeys": [key]}),
        ("ec2:DeleteTags", {}),
    ):
        decisions.append(
            evaluator.evaluate(
                role, name, instance, expected=False, context=context, whatever_else=True
            )
        )
    missing = [text for text in _tag_denials(key) if text not in _denials_of(role)]
    return Proof(tuple(f"{role.name} is not denied {text}" for text in missing), tuple(decisions))


def _tag_denials(key: str) -> tuple[str, ...]:
    """The denials that keep a role from choosing its own instances."""
    return (
        f"ec2:CreateTags on * where aws:TagKeys ForAnyValue:StringEqualsIgnoreCase {key}",
        f"ec2:DeleteTags on * where aws:TagKeys ForAnyValue:StringEqualsIgnoreCase {key}",
        "ec2:DeleteTags on * where aws:TagKeys Null true",
    )


def _denials_of(role: Principal) -> set[str]:
    return {
        f"{action} on * where {' and '.join(conditions_as_text(statement))}"
        for policy in role.held
        for statement in policy.statements
        if not statement.allows and statement.resources == ("*",) and not statement.but_resources
        for action in statement.actions
    }


def _are_on(instance: str, action: Action, grants: Iterable[Grant]) -> bool:
    """Whether grants of an action are on instances."""
    return any(overlap(instance, arn) for arn in action.arns) and any(
        overlap(instance, grant.resource) for grant in grants
    )


def an_instance(evaluator: Evaluator, region: str = "", account: str = "") -> str:
    """The ARN of an instance of the account, or of another one or Region."""
    environment = evaluator.account.environment
    where = f"{region or environment.region}:{account or environment.account}"
    return an_example(f"arn:{environment.partition}:ec2:{where}:instance/*")
