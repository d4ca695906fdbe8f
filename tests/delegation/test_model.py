"""What deployments.py may not say, each with its whole error."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from delegation.deployment.deployment import check_deployments, parse_profile
from delegation.deployment.people import Person
from delegation.errors import DelegationError
from delegation.model import (
    Approval,
    Deployment,
    ExistingGroup,
    ExistingRole,
    ExistingUser,
    GitHubPipeline,
    IamUser,
    PermissionSet,
    ServiceRole,
)

_OPERATOR = IamUser("operator")
_ROLE = ServiceRole(name="Role", runbooks=("Runbook",))


def _deployment(**changes: Any) -> Deployment:
    return Deployment(**{"operators": (_OPERATOR,), "service_roles": (_ROLE,), **changes})


_SSO_ROLE = (
    "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/"
    "AWSReservedSSO_Leads_0123456789abcdef"
)
_NO_PRINCIPAL = (
    "author '{}' is not the ARN of one user or role (arn:PARTITION:iam::ACCOUNT:user/NAME or "
    "…:role/NAME, with its path; a session by the ARN of its role, never an account or *) "
    "(deployments.py)"
)
_GUIDE_ALONE = (
    "the guide profile is the guide's alone: one IamUser as operator, one service role with "
    "one runbook, no teams, no authors, no pipeline, no audit, no limits, no volume keys, no "
    "account, no regions, no permissions boundary, no MFA, no CLI sign-in, no name "
    "prefix, no path, no own executions and no schedules (deployments.py)"
)


def _approved_by(*people: Person, **changes: Any) -> ServiceRole:
    return replace(_ROLE, approval=Approval(by=people, **changes))


def _limited(**limits: Any) -> ServiceRole:
    return ServiceRole(name="Role", runbooks=("Stop",), **limits)


_REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "user name": (
        lambda: IamUser("no spaces"),
        "user 'no spaces' is not an IAM name of 1 to 64 letters, digits or +=,.@_- "
        "(deployments.py)",
    ),
    "long role name": (
        lambda: ExistingRole("r" * 65),
        f"role '{'r' * 65}' is not an IAM name of 1 to 64 letters, digits or +=,.@_- "
        "(deployments.py)",
    ),
    "permission set name": (
        lambda: PermissionSet("s" * 33),
        f"permission set '{'s' * 33}' is not 1 to 32 letters, digits or +=,.@_- (deployments.py)",
    ),
    "service role name": (
        lambda: ServiceRole(name="a/path", runbooks=("Runbook",)),
        "service role 'a/path' is not an IAM name of 1 to 64 letters, digits or +=,.@_- "
        "(deployments.py)",
    ),
    "no runbook": (
        lambda: ServiceRole(name="Role", runbooks=()),
        "service role 'Role' has no runbook; name one, or a fleet (deployments.py)",
    ),
    "a string for a tuple": (
        lambda: ServiceRole(name="Role", runbooks="Runbook"),  # type: ignore[arg-type]
        "runbooks of service role 'Role' is 'Runbook', not a tuple; a tuple of one is written "
        "('…',) (deployments.py)",
    ),
    "key alias": (
        lambda: ServiceRole(name="Role", runbooks=("Runbook",), volume_keys=("alias/ebs",)),
        "volume key 'alias/ebs' of service role 'Role' is not a KMS key ARN "
        "(arn:PARTITION:kms:REGION:ACCOUNT:key/ID; an alias is not enough) (deployments.py)",
    ),
    "account id": (
        lambda: _deployment(account="12345", regions=("eu-west-1",)),
        "account '12345' is not a string of 12 digits (deployments.py)",
    ),
    "account as a number": (
        lambda: _deployment(account=111122223333, regions=("eu-west-1",)),
        "account 111122223333 is not a string of 12 digits (deployments.py)",
    ),
    "region": (
        lambda: _deployment(regions=("eu-wset-1",)),
        "region 'eu-wset-1' is not a Region of aws, aws-cn, aws-us-gov; nearest: eu-west-1 "
        "(deployments.py; a new Region needs a newer botocore in requirements.in)",
    ),
    "regions of two partitions": (
        lambda: _deployment(regions=("eu-west-1", "cn-north-1")),
        "regions eu-west-1, cn-north-1 are in different partitions (aws, aws-cn); an account is in "
        "one (deployments.py)",
    ),
    "region of another partition": (
        lambda: _deployment(regions=("us-iso-east-1",)),
        "region 'us-iso-east-1' is in the partition aws-iso, for which this project knows neither "
        "AWS's managed policies nor its sign-in; partitions: aws, aws-cn, aws-us-gov "
        "(deployments.py)",
    ),
    "role of Identity Center": (
        lambda: ExistingRole("AWSReservedSSO_Ops_0123456789abcdef"),
        "role 'AWSReservedSSO_Ops_0123456789abcdef' is IAM Identity Center's own and cannot be "
        "changed; name its PermissionSet instead, as an approver with the role's ARN: "
        'PermissionSet("Ops", role_arn="arn:aws:iam::ACCOUNT:role/aws-reserved/sso.amazonaws.com/'
        'REGION/AWSReservedSSO_Ops_0123456789abcdef") (deployments.py)',
    ),
    "comma in a service role": (
        lambda: ServiceRole(name="a,b", runbooks=("Runbook",)),
        "service role 'a,b' holds a comma, which the tags of its documents cannot (deployments.py)",
    ),
    "runbook that is not a string": (
        lambda: ServiceRole(name="Role", runbooks=(1,)),  # type: ignore[arg-type]
        "runbooks of service role 'Role' holds 1, which is not a name (deployments.py)",
    ),
    "key of another partition": (
        lambda: ServiceRole(
            name="Role",
            runbooks=("Runbook",),
            volume_keys=("arn:aws-cn:kms:eu-west-1:111122223333:key/0a1b",),
        ),
        "volume key 'arn:aws-cn:kms:eu-west-1:111122223333:key/0a1b' of service role 'Role' is not "
        "a KMS key ARN (arn:PARTITION:kms:REGION:ACCOUNT:key/ID; an alias is not enough) "
        "(deployments.py)",
    ),
    "key of another region": (
        lambda: _deployment(
            account="111122223333",
            regions=("eu-west-1",),
            service_roles=(
                ServiceRole(
                    name="Role",
                    runbooks=("Runbook",),
                    volume_keys=("arn:aws:kms:us-east-1:111122223333:key/0a1b",),
                ),
            ),
        ),
        "volume key 'arn:aws:kms:us-east-1:111122223333:key/0a1b' of service role 'Role' is in "
        "none of the deployment's regions eu-west-1 (deployments.py)",
    ),
    "protection that is not a bool": (
        lambda: _deployment(termination_protection="yes"),
        "termination_protection is 'yes', not True or False (deployments.py)",
    ),
    "approver who is an operator in another case": (
        lambda: _deployment(service_roles=(_approved_by(IamUser("OPERATOR")),)),
        "'OPERATOR' is an operator and an approver; nobody may approve what they start "
        "(deployments.py)",
    ),
    "approver who is the service role": (
        lambda: _deployment(service_roles=(_approved_by(ExistingRole("role")),)),
        "role 'Role' is a service role and an operator or approver (deployments.py)",
    ),
    "runbook called as an output": (
        lambda: _deployment(
            service_roles=(ServiceRole(name="Role", runbooks=("Stop", "Run-Stop")),)
        ),
        "runbook 'Run-Stop' is called as the output that says how to run 'Stop'; rename its file "
        "(deployments.py)",
    ),
    "guide with a limit": (
        lambda: _deployment(profile="guide", service_roles=(_approved_by(IamUser("lead")),)),
        _GUIDE_ALONE,
    ),
    "guide with a place": (
        lambda: _deployment(profile="guide", account="111122223333", regions=("eu-west-1",)),
        _GUIDE_ALONE,
    ),
    "guide with two runbooks": (
        lambda: _deployment(
            profile="guide", service_roles=(ServiceRole(name="Role", runbooks=("One", "Two")),)
        ),
        _GUIDE_ALONE,
    ),
    "guide with volume keys": (
        lambda: _deployment(
            profile="guide",
            service_roles=(
                ServiceRole(
                    name="Role",
                    runbooks=("Runbook",),
                    volume_keys=("arn:aws:kms:us-east-1:111122223333:key/0a1b",),
                ),
            ),
        ),
        _GUIDE_ALONE,
    ),
    "region twice": (
        lambda: _deployment(regions=("eu-west-1", "eu-west-1")),
        "region 'eu-west-1' is named 2 times; name it once (deployments.py)",
    ),
    "account without regions": (
        lambda: _deployment(account="111122223333"),
        "account 111122223333 is given without regions (deployments.py)",
    ),
    "no operator": (
        lambda: _deployment(operators=()),
        "a deployment needs at least one operator (deployments.py)",
    ),
    "operator as a string": (
        lambda: _deployment(operators=("operator",)),
        "operator 'operator' is not an IamUser, ExistingUser, ExistingGroup, "
        "ExistingRole or PermissionSet (deployments.py)",
    ),
    "duplicate operator": (
        lambda: _deployment(operators=(_OPERATOR, IamUser("operator"))),
        "operator 'operator' is named 2 times; name it once (deployments.py)",
    ),
    "operator in another case": (
        lambda: _deployment(operators=(_OPERATOR, IamUser("Operator"))),
        "operators 'operator' and 'Operator' differ in letter case or punctuation only, "
        "which IAM or CloudFormation takes for one (deployments.py)",
    ),
    "operator who approves": (
        lambda: _deployment(service_roles=(_approved_by(IamUser("operator")),)),
        "'operator' is an operator and an approver; nobody may approve what they start "
        "(deployments.py)",
    ),
    "approval by nobody": (
        lambda: Approval(by=()),
        "an approval by 0 approvers; 1 to 10 (deployments.py)",
    ),
    "approval by a permission set without its role": (
        lambda: Approval(by=(PermissionSet("Leads"),)),
        "approver PermissionSet('Leads') has no role_arn, by which an approval step names it; list "
        "the roles of the account: aws iam list-roles --path-prefix "
        "/aws-reserved/sso.amazonaws.com/ (deployments.py)",
    ),
    "approval by another permission set's role": (
        lambda: PermissionSet("Leads", role_arn=_SSO_ROLE.replace("Leads", "Ops")),
        f"role_arn {_SSO_ROLE.replace('Leads', 'Ops')!r} of permission set 'Leads' is not the ARN "
        "of a role that Identity Center made for it: arn:aws:iam::ACCOUNT:role/aws-reserved/"
        "sso.amazonaws.com/REGION/AWSReservedSSO_Leads_… (deployments.py)",
    ),
    "approval by a permission set of another account": (
        lambda: _deployment(
            account="444455556666",
            regions=("us-east-1",),
            service_roles=(_approved_by(PermissionSet("Leads", role_arn=_SSO_ROLE)),),
        ),
        f"role_arn {_SSO_ROLE!r} of permission set 'Leads' is not of the deployment's account and "
        "partition (deployments.py)",
    ),
    "approval by a group's name": (
        lambda: Approval(by=("Leads",)),  # type: ignore[arg-type]
        "approver 'Leads' is not an IamUser, ExistingUser, ExistingRole or PermissionSet "
        "(deployments.py)",
    ),
    "approval by a group": (
        lambda: Approval(by=(ExistingGroup("Leads"),)),
        "approver ExistingGroup(name='Leads', deny_own_permissions=False): an approval step names "
        "users and roles, not groups; name its members (deployments.py)",
    ),
    "user that is made and exists": (
        lambda: _deployment(operators=(IamUser("alice"), ExistingUser("alice"))),
        "operator 'alice' is named 2 times; name it once (deployments.py)",
    ),
    "operator who approves as an existing user": (
        lambda: _deployment(service_roles=(_approved_by(ExistingUser("operator")),)),
        "'operator' is an operator and an approver; nobody may approve what they start "
        "(deployments.py)",
    ),
    "author who is an operator as an existing user": (
        lambda: _deployment(
            operators=(ExistingUser("alice"),), authors=("arn:aws:iam::111122223333:user/alice",)
        ),
        "author 'arn:aws:iam::111122223333:user/alice' is an operator or approver; nobody may "
        "start or approve what they write (deployments.py)",
    ),
    "choice of an existing user that is none": (
        lambda: ExistingUser("alice", deny_own_permissions="yes"),  # type: ignore[arg-type]
        "deny_own_permissions 'yes' of user 'alice' is not True or False (deployments.py)",
    ),
    "more approvals than approvers": (
        lambda: Approval(by=(IamUser("lead"),), at_least=2),
        "at_least is 2, not 1 to 1, the number of approvers (deployments.py)",
    ),
    "limit to a tag without a value": (
        lambda: _limited(only_instances_tagged=("Automation",)),
        "only_instances_tagged of service role 'Role' is ('Automation',), not (key, value): a key "
        "of 1 to 128 and a value of at most 256 letters, digits, spaces or _.:/=+-@, no aws: "
        "before the key (deployments.py)",
    ),
    "limit to a tag with a wildcard": (
        lambda: _limited(only_instances_tagged=("Automation", "*")),
        "only_instances_tagged of service role 'Role' is ('Automation', '*'), not (key, value): a "
        "key of 1 to 128 and a value of at most 256 letters, digits, spaces or _.:/=+-@, no aws: "
        "before the key (deployments.py)",
    ),
    "limit to no instance": (
        lambda: _limited(at_most_instances=0),
        "at_most_instances of service role 'Role' is 0, not 1 to 50 (deployments.py)",
    ),
    "approval that is a list of people": (
        lambda: _limited(approval=[IamUser("lead")]),
        "approval of service role 'Role' is [IamUser(name='lead', cli_sign_in=False)], not an "
        "Approval "
        "(deployments.py)",
    ),
    "calendar by another ARN": (
        lambda: _limited(calendar="arn:aws:s3:::calendar"),
        "calendar of service role 'Role' is 'arn:aws:s3:::calendar', not the name of a Change "
        "Calendar or its ARN (arn:PARTITION:ssm:REGION:ACCOUNT:document/NAME) (deployments.py)",
    ),
    "no service role": (
        lambda: _deployment(service_roles=()),
        "a deployment needs at least one service role (deployments.py)",
    ),
    "service role as a string": (
        lambda: _deployment(service_roles=("Role",)),
        "service role 'Role' is not a ServiceRole (deployments.py)",
    ),
    "duplicate service role": (
        lambda: _deployment(service_roles=(_ROLE, ServiceRole(name="Role", runbooks=("Two",)))),
        "service role 'Role' is named 2 times; name it once (deployments.py)",
    ),
    "runbook of two roles": (
        lambda: _deployment(service_roles=(_ROLE, ServiceRole(name="Two", runbooks=("Runbook",)))),
        "runbook 'Runbook' is named 2 times; name it once (deployments.py)",
    ),
    "operator who is the service role": (
        lambda: _deployment(operators=(ExistingRole("Role"),)),
        "role 'Role' is a service role and an operator or approver (deployments.py)",
    ),
    "author by name": (
        lambda: _deployment(authors=("author",)),
        _NO_PRINCIPAL.format("author"),
    ),
    "author who is a whole account": (
        lambda: _deployment(authors=("arn:aws:iam::111122223333:root",)),
        _NO_PRINCIPAL.format("arn:aws:iam::111122223333:root"),
    ),
    "author by a pattern": (
        lambda: _deployment(authors=("arn:aws:iam::111122223333:role/a/*",)),
        _NO_PRINCIPAL.format("arn:aws:iam::111122223333:role/a/*"),
    ),
    "author by a session": (
        lambda: _deployment(authors=("arn:aws:sts::111122223333:assumed-role/Author/me",)),
        _NO_PRINCIPAL.format("arn:aws:sts::111122223333:assumed-role/Author/me"),
    ),
    "authors as a string": (
        lambda: _deployment(authors="arn:aws:iam::111122223333:user/author"),
        "authors is 'arn:aws:iam::111122223333:user/author', not a tuple; a tuple of one is "
        "written ('…',) (deployments.py)",
    ),
    "author named twice": (
        lambda: _deployment(authors=("arn:aws:iam::111122223333:user/author",) * 2),
        "author 'arn:aws:iam::111122223333:user/author' is named 2 times; name it once "
        "(deployments.py)",
    ),
    "author of another partition": (
        lambda: _deployment(
            regions=("cn-north-1",), authors=("arn:aws:iam::111122223333:user/author",)
        ),
        "author 'arn:aws:iam::111122223333:user/author' is in partition aws, the deployment's "
        "regions are in aws-cn (deployments.py)",
    ),
    "author who is an operator": (
        lambda: _deployment(authors=("arn:aws:iam::111122223333:user/operator",)),
        "author 'arn:aws:iam::111122223333:user/operator' is an operator or approver; nobody may "
        "start or approve what they write (deployments.py)",
    ),
    "author who is the service role": (
        lambda: _deployment(authors=("arn:aws:iam::111122223333:role/path/Role",)),
        "author 'arn:aws:iam::111122223333:role/path/Role' is a role that the deployment makes "
        "(deployments.py)",
    ),
    "author who is an approver": (
        lambda: _deployment(
            authors=("arn:aws:iam::111122223333:user/lead",),
            service_roles=(_approved_by(IamUser("lead")),),
        ),
        "author 'arn:aws:iam::111122223333:user/lead' is an operator or approver; nobody may start "
        "or approve what they write (deployments.py)",
    ),
    "author who is an author role": (
        lambda: _deployment(authors=("arn:aws:iam::111122223333:role/AuthorExecutionRole",)),
        "author 'arn:aws:iam::111122223333:role/AuthorExecutionRole' is a role that the deployment "
        "makes (deployments.py)",
    ),
    "service role called as the author's": (
        lambda: _deployment(
            service_roles=(ServiceRole(name="AuthorExecutionRole", runbooks=("Runbook",)),)
        ),
        "service role 'AuthorExecutionRole' is called as a role of the deployment's own: "
        "AuthorDeploymentRole, AuthorPublishingRole, AuthorExecutionRole, PipelineReviewRole, "
        "PipelineAdministrationRole, PipelineRunbooksRole, PipelineComparisonRole, "
        "PipelineDoctorRole, ScheduleRole (deployments.py)",
    ),
    "author who is a pipeline's role": (
        lambda: _deployment(authors=("arn:aws:iam::111122223333:role/PipelineRunbooksRole",)),
        "author 'arn:aws:iam::111122223333:role/PipelineRunbooksRole' is a role that the "
        "deployment makes (deployments.py)",
    ),
    "guide with a pipeline": (
        lambda: _deployment(
            profile="guide", pipeline=GitHubPipeline(repositories=("octo-org/runbooks",))
        ),
        _GUIDE_ALONE,
    ),
    "guide with authors": (
        lambda: _deployment(profile="guide", authors=("arn:aws:iam::111122223333:user/author",)),
        _GUIDE_ALONE,
    ),
    "profile": (
        lambda: _deployment(profile="strict"),
        "profile 'strict' is not one of guide, least-privilege (deployments.py or -c profile=…)",
    ),
    "guide with an existing role": (
        lambda: _deployment(profile="guide", operators=(ExistingRole("OnCall"),)),
        _GUIDE_ALONE,
    ),
    "two deployments in an account": (
        lambda: check_deployments(
            [_deployment(account="111122223333", regions=("eu-west-1",))] * 2
        ),
        "2 deployments are for account 111122223333, and an account has one; write each as a team "
        "of it: Deployment(teams=(Team(name=…, operators=…, service_roles=…), …), …) "
        "(deployments.py)",
    ),
    "two deployments, one without account": (
        lambda: check_deployments(
            [_deployment(account="111122223333", regions=("eu-west-1",)), _deployment()]
        ),
        "with more than one deployment, each names its account and regions (deployments.py)",
    ),
    "no deployment": (
        lambda: check_deployments([]),
        "DEPLOYMENTS is empty; name at least one Deployment (deployments.py)",
    ),
    "something else among the deployments": (
        lambda: check_deployments(["Deployment"]),  # type: ignore[list-item]
        "'Deployment' in DEPLOYMENTS is not a Deployment (deployments.py)",
    ),
    "profile of the command line": (
        lambda: parse_profile("Guide"),
        "profile 'Guide' is not one of guide, least-privilege (deployments.py or -c profile=…)",
    ),
}


@pytest.mark.parametrize("case", _REFUSED)
def test_wrong_value_is_refused_with_what_is_allowed(case: str) -> None:
    make, message = _REFUSED[case]

    with pytest.raises(DelegationError) as error:
        make()

    assert message == str(error.value)


def test_user_and_role_of_one_name_are_two_operators() -> None:
    both = (IamUser("oncall"), ExistingRole("oncall"))

    assert _deployment(operators=both).operators == both


def test_deployments_of_two_accounts_stand_side_by_side() -> None:
    first = _deployment(account="111122223333", regions=("eu-west-1",))
    second = _deployment(account="444455556666", regions=("us-gov-west-1",))

    assert (first, second) == check_deployments([first, second])
