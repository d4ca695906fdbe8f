"""What cannot fit into IAM or CloudFormation, reported before AWS would."""

from dataclasses import replace
from typing import Any

import pytest

from delegation.errors import DelegationError
from delegation.model import (
    Approval,
    Deployment,
    ExistingRole,
    GitHubPipeline,
    IamUser,
    PermissionSet,
    ServiceRole,
    Team,
)
from delegation.policies.quota_checks import check_quotas
from delegation.runbooks.permissions import Need
from delegation.runbooks.runbook import Runbook

_EUROPE = ("eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1")
_AMERICA = ("ca-central-1", "ca-west-1", "sa-east-1", "us-east-1", "us-east-2", "us-west-1")
_ASIA = ("ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2")
_OTHERS = ("af-south-1", "il-central-1", "me-central-1")


def _runbook(name: str, *needs: Need) -> Runbook:
    return Runbook(name=name, file=name, content={"mainSteps": []}, target_type="/", needs=needs)


def _deployment(runbooks: int = 1, **changes: Any) -> tuple[Deployment, dict[str, Runbook]]:
    names = tuple(f"Restart-Fleet{number:03d}" for number in range(runbooks))
    role = ServiceRole(name="Role", runbooks=names)
    fields = {"operators": (IamUser("operator"),), "service_roles": (role,), **changes}
    return Deployment(**fields), {name: _runbook(name) for name in names}


def _refusal(deployment: Deployment, runbooks: dict[str, Runbook]) -> str:
    with pytest.raises(DelegationError) as error:
        check_quotas(deployment, runbooks)
    return str(error.value)


def test_400_runbooks_in_a_region_fit_for_an_iam_user() -> None:
    check_quotas(*_deployment(400))


@pytest.mark.parametrize("person", [ExistingRole("OnCall"), PermissionSet("OnCall")])
def test_more_policies_than_a_role_takes_are_refused(
    person: ExistingRole | PermissionSet,
) -> None:
    assert _refusal(*_deployment(400, operators=(person,))) == (
        "400 runbooks need 12 operator policies; 'OnCall' takes 10 by default; make the operator "
        "an IamUser, whose groups hold more, or name fewer runbooks (deployments.py)"
    )


def test_role_called_as_a_user_is_counted_as_a_role() -> None:
    both = (IamUser("oncall"), ExistingRole("oncall"))

    assert "'oncall' takes 10 by default" in _refusal(*_deployment(400, operators=both))


def test_more_policies_than_a_users_groups_hold_are_refused() -> None:
    assert _refusal(*_deployment(4000)) == (
        "4000 runbooks need 117 operator policies in 12 groups for 'operator'; an IAM user is in "
        "10 at most; name fewer runbooks or teams (deployments.py)"
    )


def test_more_users_than_a_stack_has_outputs_for_are_refused() -> None:
    users = tuple(IamUser(f"operator{number}") for number in range(100))

    assert _refusal(*_deployment(operators=users)) == (
        "the deployment for any-account has 100 IAM users and 1 service roles, 202 outputs of a "
        "stack; CloudFormation takes 200; name fewer (deployments.py)"
    )


def test_boundary_that_cannot_fit_says_to_split_the_role() -> None:
    deployment, _ = _deployment()
    needs = [
        Need(
            step="call",
            action=f"s3:Call{number:03d}",
            resource=f"arn:${{AWS::Partition}}:s3:::bucket{number:03d}",
            why="test",
            source="test",
        )
        for number in range(60)
    ]
    runbooks = {"Restart-Fleet000": _runbook("Restart-Fleet000", *needs)}

    message = _refusal(deployment, runbooks)

    assert message.startswith("the boundary of service role 'Role' needs ")
    assert message.endswith(
        " characters, IAM takes 6,144; it cannot be split: give some of its runbooks a "
        "service role of their own, or name fewer regions (deployments.py)"
    )


def test_more_regions_than_a_policy_holds_are_refused() -> None:
    regions = (*_EUROPE, *_AMERICA, *_ASIA, *_OTHERS)

    message = _refusal(*_deployment(account="111122223333", regions=regions))

    assert message.startswith("the operators' policy needs ")
    assert message.endswith(" characters, IAM takes 6,144; name fewer regions (deployments.py)")


def test_limits_of_a_deployment_that_fits_are_no_ones_business() -> None:
    deployment, runbooks = _deployment(account="111122223333", regions=("eu-west-1", "us-east-1"))

    (role,) = deployment.service_roles
    approved = replace(role, approval=Approval(by=(IamUser("lead"),)))
    check_quotas(replace(deployment, service_roles=(approved,)), runbooks)


_AUTHORS = ("arn:aws:iam::111122223333:role/Author",)


def test_400_runbooks_fit_the_author_as_well() -> None:
    check_quotas(*_deployment(400, authors=_AUTHORS))


def test_more_runbooks_than_the_authors_execution_role_holds_are_refused() -> None:
    regions = ("eu-west-1", "us-east-1", "us-west-2")

    assert _refusal(*_deployment(300, regions=regions, authors=_AUTHORS)) == (
        "300 runbooks in 3 regions need 12 policies of the author's execution role, IAM takes 10; "
        "name fewer runbooks or regions (deployments.py)"
    )


def test_more_authors_than_a_trust_policy_holds_are_refused() -> None:
    authors = tuple(f"arn:aws:iam::111122223333:role/Author{number}" for number in range(50))

    assert _refusal(*_deployment(1, authors=authors)) == (
        "50 authors need a trust policy of 2,390 characters, IAM takes 2,048; name a role that "
        "they share (deployments.py)"
    )


def test_more_repositories_than_a_trust_policy_holds_are_refused() -> None:
    pipeline = GitHubPipeline(
        repositories=tuple(f"octo-org/runbooks-{number}" for number in range(30))
    )

    assert _refusal(*_deployment(1, pipeline=pipeline)) == (
        "the pipeline's 30 repositories and 1 branches need a trust policy of 3,055 characters, "
        "IAM takes 2,048; name fewer (deployments.py)"
    )


def _approved(runbooks: int, *approvers: IamUser | ExistingRole) -> tuple[Deployment, Any]:
    deployment, documents = _deployment(runbooks)
    (role,) = deployment.service_roles
    approved = replace(role, approval=Approval(by=approvers))
    return replace(deployment, service_roles=(approved,)), documents


def test_400_runbooks_fit_their_approvers() -> None:
    check_quotas(*_approved(400, IamUser("lead"), ExistingRole("Leads")))


def test_more_policies_than_the_group_of_approvers_takes_are_refused() -> None:
    deployment, documents = _approved(400, IamUser("lead"))
    there = replace(deployment, account="111122223333", regions=("eu-west-1", "us-east-1"))

    assert _refusal(there, documents) == (
        "the runbooks that wait for an approval need 10 policies of their approvers, whose group "
        "takes 8; make teams of the runbooks, or name fewer regions (deployments.py)"
    )


def test_more_policies_than_a_role_that_approves_in_several_teams_takes_are_refused() -> None:
    first, documents = _approved(400, ExistingRole("Leads"))
    (role,) = first.service_roles
    others = tuple(f"Other-{name}" for name in role.runbooks)
    team = Team(
        name="Others",
        operators=(IamUser("another"),),
        service_roles=(replace(role, name="OthersRole", runbooks=others),),
    )
    both = Deployment(operators=first.operators, service_roles=(role,), teams=(team,))

    assert _refusal(both, {**documents, **{name: _runbook(name) for name in others}}) == (
        "the runbooks that 'Leads' approves need 12 policies; it takes 10 by default; make the "
        "approver an IamUser, or name fewer runbooks (deployments.py)"
    )
