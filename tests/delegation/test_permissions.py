"""How IAM's limits split what operators may do."""

from delegation.model import Deployment, IamUser, ServiceRole
from delegation.policies.operators import group_portions, operator_policies
from delegation.policies.quotas import policy_size
from delegation.policies.statements import Statement

_DOCUMENT = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:document/"


def _policies(count: int) -> tuple[tuple[Statement, ...], ...]:
    """Those of the operators of so many runbooks."""
    names = tuple(f"Restart-Fleet{number:03d}" for number in range(count))
    role = ServiceRole(name="AutomationServiceRole", runbooks=names)
    made = Deployment(operators=(IamUser("operator"),), service_roles=(role,))
    (team,) = made.teams
    return operator_policies(made, team)


def test_further_runbook_moves_no_other_runbook_to_another_policy() -> None:
    before, after = _policies(60), _policies(61)

    assert len(before) == len(after) == 2
    assert before[0] == after[0]
    added = set(after[1][0].resources) - set(before[1][0].resources)
    assert {f"{_DOCUMENT}Restart-Fleet060"} == added


def test_policies_for_400_runbooks_name_each_once_and_keep_within_6144_characters() -> None:
    policies = _policies(400)

    assert all(policy_size(statements) <= 6144 for statements in policies)
    named = [arn for policy in policies for arn in policy[-2].resources]
    assert [f"{_DOCUMENT}Restart-Fleet{number:03d}" for number in range(400)] == named


def test_groups_hold_every_policy_and_the_first_has_room_for_two_more() -> None:
    portions = group_portions(25)

    assert [list(portion) for portion in portions] == [
        list(range(8)),
        list(range(8, 18)),
        list(range(18, 25)),
    ]
