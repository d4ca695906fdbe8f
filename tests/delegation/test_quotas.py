"""Limits of IAM and CloudFormation, reported before AWS would."""

import pytest

from delegation.errors import DelegationError
from delegation.model import Deployment, IamUser, ServiceRole
from delegation.policies.quotas import check_stack, policy_size
from delegation.policies.statements import Statement

_DEPLOYMENT = Deployment(
    operators=(IamUser("operator"),),
    service_roles=(ServiceRole(name="Role", runbooks=("Runbook",)),),
)


def _statement(*resources: str) -> Statement:
    return Statement(
        sid="Use", actions=("ec2:StopInstances",), resources=resources, why="test", source="test"
    )


def test_policy_is_measured_as_iam_counts_it() -> None:
    arn = "arn:${AWS::Partition}:iam::${AWS::AccountId}:user/${!aws:username}"

    expected = (
        '{"Version":"2012-10-17","Statement":[{"Sid":"Use","Effect":"Allow",'
        '"Action":["ec2:StopInstances"],"Resource":["*",'
        '"arn:aws-us-gov:iam::123456789012:user/${aws:username}"]}]}'
    )
    assert len(expected) == policy_size((_statement("*", arn),))


def test_more_than_500_runbooks_in_a_region_are_refused() -> None:
    with pytest.raises(DelegationError) as error:
        check_stack(_DEPLOYMENT, {f"Runbook{number}": {} for number in range(501)})

    assert str(error.value) == (
        "the deployment for any-account has 501 runbooks in a Region, CloudFormation takes 500 "
        "resources a stack; name fewer, or move some to another account's deployment "
        "(deployments.py)"
    )


def test_runbooks_over_a_megabyte_are_refused() -> None:
    with pytest.raises(DelegationError) as error:
        check_stack(_DEPLOYMENT, {f"Runbook{n}": {"text": "x" * 60_000} for n in range(17)})

    assert str(error.value) == (
        "the runbooks of the deployment for any-account make a template of about 1,064,174 bytes, "
        "CloudFormation takes 1,000,000; name fewer, or move some to another account's deployment "
        "(deployments.py)"
    )
