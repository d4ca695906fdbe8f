"""How IAM's limits split what operators may do."""

from delegation.model import Deployment, IamUser, ServiceRole
from delegation.policies.operators import group_portions, operator_policies
from delegation.policies.quotas import policy_size

_DOCUMENT = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:document/"


def _with_runbooks(count: int) -> Deployment:
    names = tuple(f"Restart-Fleet{number:03d}" for number in range(count))
    role = ServiceRole(name="AutomationServiceRole", runbooks=names)
    return Deployment(operators=(IamUser("operator"),), service_roles=(role,))


def test_further_runbook_moves_no_other_runbook_to_another_policy() -> None:
    before, after = operator_policies(_with_runbooks(60)), operator_policies(_with_runbooks(61))

    assert len(before) == len(after) == 2
    assert before[0] == after[0]
    added = set(after[1][0].resources) - set(before[1][0].resources)
    assert {f"{_DOCUMENT}Restart-Fleet060"} == added


def test_policies_for_400_runbooks_name_each_once_and_keep_within_6144_characters() -> None:
    policies = operator_policies(_with_runbooks(400))

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
