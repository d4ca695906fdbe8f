"""What the restricted operators may do, policy by policy."""

from collections import Counter
from dataclasses import replace

import pytest

from delegation.deployment.people import Person
from delegation.model import ExistingRole, IamUser, PermissionSet, Profile
from delegation.runbooks.runbook import load_runbooks
from tests.stacks.synthesis import (
    RUNBOOK,
    approved_by,
    deployment,
    logical_id,
    policy,
    resources,
    template,
)

_BY_LEAD = approved_by(IamUser("lead"))
_BY_LEADS = approved_by(ExistingRole("Leads"))
_DENIAL = "DenyOwnPermissionsInRunbooks"
_SSM = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}"


def test_operator_policy_of_the_guide_is_the_guides_json_plus_a_sid() -> None:
    json = template("AdministrationStack", deployment(profile=Profile.GUIDE))

    expected = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "RunAutomationWorkflows",
                "Effect": "Allow",
                "Action": [
                    "ssm:DescribeAutomationExecutions",
                    "ssm:DescribeAutomationStepExecutions",
                    "ssm:DescribeDocument",
                    "ssm:GetAutomationExecution",
                    "ssm:GetDocument",
                    "ssm:ListDocuments",
                    "ssm:ListDocumentVersions",
                    "ssm:StartAutomationExecution",
                ],
                "Resource": ["*"],
            }
        ],
    }
    assert expected == policy(json, "OperatorRestrictedPermissions")["PolicyDocument"]


def test_operator_may_start_and_read_the_deployments_runbook_and_watch_executions() -> None:
    json = template("AdministrationStack", deployment())

    expected = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ListRunbooksAndExecutions",
                "Effect": "Allow",
                "Action": ["ssm:DescribeAutomationExecutions", "ssm:ListDocuments"],
                "Resource": ["*"],
            },
            {
                "Sid": "WatchExecutions",
                "Effect": "Allow",
                "Action": ["ssm:DescribeAutomationStepExecutions", "ssm:GetAutomationExecution"],
                "Resource": [{"Fn::Sub": f"{_SSM}:automation-execution/*"}],
            },
            {
                "Sid": "StartExecutions",
                "Effect": "Allow",
                "Action": ["ssm:StartAutomationExecution"],
                "Resource": [{"Fn::Sub": f"{_SSM}:automation-execution/*"}],
            },
            {
                "Sid": "ReadAndStartApprovedRunbooks",
                "Effect": "Allow",
                "Action": [
                    "ssm:DescribeDocument",
                    "ssm:GetDocument",
                    "ssm:ListDocumentVersions",
                    "ssm:StartAutomationExecution",
                ],
                "Resource": [{"Fn::Sub": f"{_SSM}:document/Restart-EC2InstanceDemo"}],
            },
            {
                "Sid": "StartApprovedRunbooks",
                "Effect": "Allow",
                "Action": ["ssm:StartAutomationExecution"],
                "Resource": [
                    {"Fn::Sub": f"{_SSM}:automation-definition/Restart-EC2InstanceDemo:*"}
                ],
            },
        ],
    }
    assert expected == policy(json, "OperatorRestrictedPermissions")["PolicyDocument"]


def test_policy_names_each_region_of_the_deployment() -> None:
    json = template(
        "AdministrationStack-111122223333",
        deployment(account="111122223333", regions=("eu-west-1", "us-east-1")),
    )

    arn = "arn:${AWS::Partition}:ssm:%s:${AWS::AccountId}:automation-execution/*"
    expected = [{"Fn::Sub": arn % region} for region in ("eu-west-1", "us-east-1")]
    document = policy(json, "OperatorRestrictedPermissions")["PolicyDocument"]
    assert expected == document["Statement"][1]["Resource"]
    assert expected == document["Statement"][2]["Resource"]


def test_operator_may_change_the_own_password_and_no_other() -> None:
    for profile in Profile:
        json = template("AdministrationStack", deployment(profile=profile))

        expected = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "ChangeOwnPassword",
                    "Effect": "Allow",
                    "Action": ["iam:ChangePassword"],
                    "Resource": [
                        {
                            "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}"
                            ":user/${!aws:username}"
                        }
                    ],
                },
                {
                    "Sid": "ReadPasswordPolicy",
                    "Effect": "Allow",
                    "Action": ["iam:GetAccountPasswordPolicy"],
                    "Resource": ["*"],
                },
            ],
        }
        assert expected == policy(json, "OperatorOwnPassword")["PolicyDocument"]


def test_runbooks_get_none_of_the_permissions_of_a_user_outside_systems_manager() -> None:
    for profile in Profile:
        json = template("AdministrationStack", deployment(profile=profile))

        assert policy(json, _DENIAL)["PolicyDocument"] == {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "NeverLendOwnPermissions",
                    "Effect": "Deny",
                    "NotAction": ["ssm:*"],
                    "Resource": ["*"],
                    "Condition": {
                        "ForAnyValue:StringEquals": {"aws:CalledVia": "ssm.amazonaws.com"}
                    },
                }
            ],
        }


@pytest.mark.parametrize(
    ("operators", "roles"),
    [
        ((ExistingRole("ops"),), None),
        ((ExistingRole("ops", deny_own_permissions=True), ExistingRole("on-call")), ["ops"]),
        ((PermissionSet("ops"),), []),
    ],
)
def test_permissions_of_a_role_are_denied_to_runbooks_where_it_says_so(
    operators: tuple[Person, ...], roles: list[str] | None
) -> None:
    json = template("AdministrationStack", deployment(operators=operators))

    made = [
        held.get("Roles", [])
        for held in resources(json, "AWS::IAM::ManagedPolicy")
        if held["ManagedPolicyName"] == _DENIAL
    ]
    assert made == ([] if roles is None else [roles])


def test_policies_reach_an_iam_user_through_the_group_alone() -> None:
    json = template("AdministrationStack", deployment())

    group = {"Ref": logical_id(json, "AWS::IAM::Group")}
    (user,) = resources(json, "AWS::IAM::User")
    assert [group] == user["Groups"]
    for name in ("OperatorRestrictedPermissions", "OperatorOwnPassword", _DENIAL):
        attached = policy(json, name)
        assert [group] == attached["Groups"]
        assert not {"Users", "Roles"} & attached.keys()


def test_policies_of_the_guide_are_attached_to_the_user() -> None:
    json = template("AdministrationStack", deployment(profile=Profile.GUIDE))

    user = {"Ref": logical_id(json, "AWS::IAM::User")}
    assert resources(json, "AWS::IAM::Group") == []
    for name in ("OperatorRestrictedPermissions", "OperatorOwnPassword", _DENIAL):
        assert [user] == policy(json, name)["Users"]


def test_user_signs_in_with_a_generated_password_that_must_be_changed() -> None:
    json = template("AdministrationStack", deployment())

    secret = {"Ref": logical_id(json, "AWS::SecretsManager::Secret")}
    expected = {
        "UserName": "AutomationRestrictedOperator",
        "Groups": [{"Ref": logical_id(json, "AWS::IAM::Group")}],
        "LoginProfile": {
            "Password": {"Fn::Join": ["", ["{{resolve:secretsmanager:", secret, "}}"]]},
            "PasswordResetRequired": True,
        },
    }
    assert [expected] == resources(json, "AWS::IAM::User")


def test_generated_password_holds_every_type_and_only_symbols_of_iam() -> None:
    json = template("AdministrationStack", deployment())

    expected = {
        "Description": "First console password of AutomationRestrictedOperator, "
        "to be changed at first sign-in",
        "GenerateSecretString": {
            "PasswordLength": 128,
            "RequireEachIncludedType": True,
            "ExcludeCharacters": '",./:;<>?\\`~',
        },
    }
    assert [expected] == resources(json, "AWS::SecretsManager::Secret")


def test_existing_role_is_an_operator_without_user_group_or_password() -> None:
    json = template("AdministrationStack", deployment(operators=(ExistingRole("OnCall"),)))

    attached = policy(json, "OperatorRestrictedPermissions")
    assert attached["Roles"] == ["OnCall"]
    assert not {"Users", "Groups"} & attached.keys()
    assert {"AWS::IAM::ManagedPolicy", "AWS::IAM::Role"} == {
        resource["Type"] for resource in json["Resources"].values()
    }
    assert "ConsoleSignInLink" not in json["Outputs"]


def test_permission_set_refers_to_the_policy_by_its_fixed_name() -> None:
    json = template("AdministrationStack", deployment(operators=(PermissionSet("Operators"),)))

    attached = policy(json, "OperatorRestrictedPermissions")
    assert not {"Users", "Groups", "Roles"} & attached.keys()


def test_second_operator_is_one_more_member_of_the_group() -> None:
    operators = (IamUser("AutomationRestrictedOperator"), IamUser("second.operator"))
    json = template("AdministrationStack", deployment(operators=operators))

    group = {"Ref": logical_id(json, "AWS::IAM::Group")}
    users = resources(json, "AWS::IAM::User")
    assert {u["UserName"]: u["Groups"] for u in users} == {
        "AutomationRestrictedOperator": [group],
        "second.operator": [group],
    }


def test_operator_of_a_deployment_with_approvers_is_denied_every_signal() -> None:
    json = template("AdministrationStack", deployment(service_roles=(_BY_LEADS,)))

    document = policy(json, "OperatorRestrictedPermissions")["PolicyDocument"]
    expected = {
        "Sid": "NeverAnswerApprovals",
        "Effect": "Deny",
        "Action": ["ssm:SendAutomationSignal"],
        "Resource": ["*"],
    }
    assert expected in document["Statement"]


def test_approver_may_read_and_answer_executions_and_start_nothing() -> None:
    json = template("AdministrationStack", deployment(service_roles=(_BY_LEAD,)))

    execution = [{"Fn::Sub": f"{_SSM}:automation-execution/*"}]
    expected = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ListExecutions",
                "Effect": "Allow",
                "Action": ["ssm:DescribeAutomationExecutions"],
                "Resource": ["*"],
            },
            {
                "Sid": "WatchExecutions",
                "Effect": "Allow",
                "Action": ["ssm:DescribeAutomationStepExecutions", "ssm:GetAutomationExecution"],
                "Resource": execution,
            },
            {
                "Sid": "AnswerApprovals",
                "Effect": "Allow",
                "Action": ["ssm:SendAutomationSignal"],
                "Resource": execution,
            },
            {
                "Sid": "NeverStartRuns",
                "Effect": "Deny",
                "Action": ["ssm:StartAutomationExecution", "ssm:StartChangeRequestExecution"],
                "Resource": ["*"],
            },
            {
                "Sid": "ReadRunbooksToApprove",
                "Effect": "Allow",
                "Action": ["ssm:GetDocument"],
                "Resource": [{"Fn::Sub": f"{_SSM}:document/Restart-EC2InstanceDemo"}],
            },
        ],
    }
    assert expected == policy(json, "ApproverRestrictedPermissions")["PolicyDocument"]
    assert len(policy(json, "OperatorOwnPassword")["Groups"]) == 2


def test_policies_of_many_runbooks_reach_the_user_through_groups_of_at_most_ten() -> None:
    source = load_runbooks([RUNBOOK])[RUNBOOK]
    named = tuple(f"Restart-Fleet{number:03d}" for number in range(400))
    role = replace(approved_by(IamUser("lead")), runbooks=named)
    many = deployment(service_roles=(role,))
    runbooks = {name: replace(source, name=name) for name in named}

    json = template("AdministrationStack", many, runbooks=runbooks)

    held = Counter(
        group["Ref"]
        for attached in resources(json, "AWS::IAM::ManagedPolicy")
        for group in attached.get("Groups", ())
    )
    groups = {
        id_: r["Properties"]["GroupName"]
        for id_, r in json["Resources"].items()
        if r["Type"] == "AWS::IAM::Group"
    }
    assert {groups[id_]: count for id_, count in held.items()} == {
        "AutomationRestrictedOperators": 10,
        "AutomationRestrictedOperators2": 4,
        "AutomationApprovers": 7,
    }
    member = {u["UserName"]: u["Groups"] for u in resources(json, "AWS::IAM::User")}
    assert [groups[group["Ref"]] for group in member["AutomationRestrictedOperator"]] == [
        "AutomationRestrictedOperators",
        "AutomationRestrictedOperators2",
    ]


def test_existing_role_approves_with_the_approvers_policy() -> None:
    json = template("AdministrationStack", deployment(service_roles=(_BY_LEADS,)))

    assert policy(json, "ApproverRestrictedPermissions")["Roles"] == ["Leads"]


@pytest.mark.parametrize("name", ["AutomationRestrictedOperators", "OperatorRestrictedPermissions"])
def test_user_may_be_called_as_a_group_or_policy_is(name: str) -> None:
    json = template("AdministrationStack", deployment(operators=(IamUser(name),)))

    assert [user["UserName"] for user in resources(json, "AWS::IAM::User")] == [name]
