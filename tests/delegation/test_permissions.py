"""How IAM's limits split what operators may do."""

from dataclasses import replace

import pytest

from delegation.errors import DelegationError
from delegation.model import Deployment, ExistingRole, IamUser, ServiceRole
from delegation.permissions import group_portions, operator_policies
from delegation.quotas import policy_size

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


def test_groups_of_400_runbooks_hold_every_policy_and_at_most_ten_with_the_password_policy() -> (
    None
):
    portions = group_portions(_with_runbooks(400))

    held = [index for portion in portions for index in portion]
    assert list(range(len(operator_policies(_with_runbooks(400))))) == held
    assert len(portions[0]) <= 9
    assert all(len(portion) <= 10 for portion in portions[1:])


def test_existing_role_with_more_policies_than_it_takes_is_refused() -> None:
    deployment = replace(_with_runbooks(400), operators=(ExistingRole("OnCall"),))

    with pytest.raises(DelegationError) as error:
        operator_policies(deployment)

    assert str(error.value) == (
        "400 runbooks need 12 operator policies; role 'OnCall' takes 10 by default; make the "
        "operator an IamUser, whose groups hold more, or name fewer runbooks (deployments.py)"
    )


def test_user_whose_groups_cannot_hold_the_policies_is_refused() -> None:
    with pytest.raises(DelegationError) as error:
        operator_policies(_with_runbooks(4000))

    assert str(error.value) == (
        "4000 runbooks need 117 operator policies; an IAM user's 10 groups hold 99; "
        "name fewer runbooks (deployments.py)"
    )
