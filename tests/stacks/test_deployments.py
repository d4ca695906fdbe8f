"""Stacks by account and Region, outputs, partitions, protection."""

import json

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template

from delegation.model import IamUser, Profile
from tests.stacks.synthesis import app_of, deployment, template

_PLACES = {
    "aws": ("111122223333", "eu-west-1"),
    "aws-cn": ("222233334444", "cn-north-1"),
    "aws-us-gov": ("333344445555", "us-gov-west-1"),
}


def _stacks(app: App) -> dict[str, tuple[str, str, str]]:
    return {
        child.node.id: (child.stack_name, child.account, child.region)
        for child in app.node.children
        if isinstance(child, Stack)
    }


def test_stacks_without_account_and_region_are_environment_agnostic() -> None:
    stacks = _stacks(app_of(deployment()))

    assert {"AdministrationStack", "RunbooksStack"} == stacks.keys()
    assert all("Token" in account for _, account, _ in stacks.values())


def test_iam_is_once_an_account_and_documents_once_a_region() -> None:
    first = deployment(account="111122223333", regions=("eu-west-1", "us-east-1"))
    second = deployment(account="444455556666", regions=("eu-west-1",))

    assert _stacks(app_of(first, second)) == {
        "AdministrationStack-111122223333": ("AdministrationStack", "111122223333", "eu-west-1"),
        "RunbooksStack-111122223333-eu-west-1": ("RunbooksStack", "111122223333", "eu-west-1"),
        "RunbooksStack-111122223333-us-east-1": ("RunbooksStack", "111122223333", "us-east-1"),
        "AdministrationStack-444455556666": ("AdministrationStack", "444455556666", "eu-west-1"),
        "RunbooksStack-444455556666-eu-west-1": ("RunbooksStack", "444455556666", "eu-west-1"),
    }


def test_runbooks_are_deployed_after_administration_when_all_are() -> None:
    app = app_of(deployment())

    runbooks = app.node.find_child("RunbooksStack")
    assert isinstance(runbooks, Stack)
    assert [stack.node.id for stack in runbooks.dependencies] == ["AdministrationStack"]


def test_outputs_are_those_of_the_guide() -> None:
    outputs = template("AdministrationStack", deployment())["Outputs"]

    assert {
        "AutomationRestrictedOperatorUserName",
        "AutomationRestrictedOperatorPasswordSecret",
        "ConsoleSignInLink",
        "AutomationServiceRoleArn",
    } == outputs.keys()
    assert outputs["ConsoleSignInLink"]["Value"] == {
        "Fn::Join": [
            "",
            [
                "https://",
                {"Ref": "AWS::AccountId"},
                ".",
                {"Fn::FindInMap": ["ConsoleSignIn", {"Ref": "AWS::Partition"}, "Host"]},
                "/console",
            ],
        ]
    }


def test_console_link_is_each_partitions_own() -> None:
    mappings = template("AdministrationStack", deployment())["Mappings"]

    assert mappings == {
        "ConsoleSignIn": {
            "aws": {"Host": "signin.aws.amazon.com"},
            "aws-cn": {"Host": "signin.amazonaws.cn"},
            "aws-us-gov": {"Host": "signin.amazonaws-us-gov.com"},
        }
    }


@pytest.mark.parametrize("partition", _PLACES)
@pytest.mark.parametrize("people", [(IamUser("operator"),), (IamUser("a"), IamUser("b"))])
def test_no_template_spells_out_a_partition_or_an_account(
    partition: str, people: tuple[IamUser, ...]
) -> None:
    account, region = _PLACES[partition]
    app = app_of(deployment(account=account, regions=(region,), operators=people))

    for stack in (c for c in app.node.children if isinstance(c, Stack)):
        text = json.dumps(Template.from_stack(stack).to_json())
        assert "arn:aws" not in text
        assert account not in text


@pytest.mark.parametrize("profile", Profile)
def test_no_code_of_ours_and_nothing_retained_stands_in_any_template(profile: Profile) -> None:
    app = app_of(deployment(profile=profile))

    for stack in (c for c in app.node.children if isinstance(c, Stack)):
        resources = Template.from_stack(stack).to_json()["Resources"].values()
        assert {r["Type"] for r in resources} <= {
            "AWS::IAM::Group",
            "AWS::IAM::ManagedPolicy",
            "AWS::IAM::Role",
            "AWS::IAM::User",
            "AWS::SecretsManager::Secret",
            "AWS::SSM::Document",
        }
        assert not any({"DeletionPolicy", "UpdateReplacePolicy"} & r.keys() for r in resources)


@pytest.mark.parametrize("protected", [True, False])
def test_termination_protection_is_only_where_the_deployment_asks(protected: bool) -> None:
    app = app_of(deployment(termination_protection=protected))

    stacks = [child for child in app.node.children if isinstance(child, Stack)]
    assert [protected, protected] == [stack.termination_protection for stack in stacks]


def test_profiles_differ_in_place_names_paths_and_descriptions_of_policies_do_not() -> None:
    narrow, guide = (
        {
            (id_, r["Properties"]["ManagedPolicyName"], r["Properties"]["Description"])
            for id_, r in template("AdministrationStack", deployment(profile=profile))[
                "Resources"
            ].items()
            if r["Type"] == "AWS::IAM::ManagedPolicy"
        }
        for profile in (Profile.LEAST_PRIVILEGE, Profile.GUIDE)
    )

    assert guide < narrow
