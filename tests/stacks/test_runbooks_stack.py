"""The documents: their content, their wiring, their order, how to run them."""

import json
import shlex
from typing import Any

import pytest

from delegation.model import Profile, ServiceRole
from delegation.policies.quotas import estimated_bytes
from tests.stacks.synthesis import deployment, of_many_runbooks, resources, template


@pytest.mark.parametrize("profile", Profile)
def test_document_is_the_guides_with_the_roles_arn_for_assume_role(profile: Profile) -> None:
    stack = template("RunbooksStack", deployment(profile=profile))

    expected = {
        "Name": "Restart-EC2InstanceDemo",
        "Content": {
            "description": "Restart EC2 instances(s)",
            "schemaVersion": "0.3",
            "assumeRole": {
                "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/AutomationServiceRole"
            },
            "parameters": {
                "InstanceId": {
                    "type": "StringList",
                    "description": "(Required) EC2 Instance to restart",
                }
            },
            "mainSteps": [
                {
                    "name": "stopInstances",
                    "action": "aws:changeInstanceState",
                    "inputs": {"InstanceIds": "{{ InstanceId }}", "DesiredState": "stopped"},
                },
                {
                    "name": "startInstances",
                    "action": "aws:changeInstanceState",
                    "inputs": {"InstanceIds": "{{ InstanceId }}", "DesiredState": "running"},
                },
            ],
        },
        "DocumentType": "Automation",
        "DocumentFormat": "JSON",
        "TargetType": "/AWS::EC2::Instance",
        "UpdateMethod": "NewVersion",
        "Tags": [
            {"Key": "Description", "Value": "Restart EC2 instances=28s=29"},
            {"Key": "ServiceRole", "Value": "AutomationServiceRole"},
        ],
    }
    assert [expected] == resources(stack, "AWS::SSM::Document")


def test_role_in_the_document_is_the_one_that_the_administration_stack_creates() -> None:
    (role,) = resources(template("AdministrationStack", deployment()), "AWS::IAM::Role")
    (document,) = resources(template("RunbooksStack", deployment()), "AWS::SSM::Document")

    arn = document["Content"]["assumeRole"]["Fn::Sub"]
    assert role["RoleName"] == arn.rsplit(":role/", 1)[1]
    assert "Path" not in role


def test_stacks_share_nothing_that_would_lock_one_to_the_other() -> None:
    administration = template("AdministrationStack", deployment())
    runbooks = template("RunbooksStack", deployment())

    assert "Export" not in str(administration)
    assert "Fn::ImportValue" not in str(runbooks)
    assert "Fn::GetStackOutput" not in str(runbooks)


def test_outputs_say_how_to_run_the_runbook_by_a_command_and_in_the_console() -> None:
    stack = template("RunbooksStack", deployment())

    expected = {
        "RunRestartEC2InstanceDemo": {
            "Description": "How to run Restart-EC2InstanceDemo",
            "Value": {
                "Fn::Sub": "aws ssm start-automation-execution --region ${AWS::Region} "
                "--document-name Restart-EC2InstanceDemo --document-version '$DEFAULT' "
                "--parameters InstanceId=..."
            },
        },
        "OpenRestartEC2InstanceDemo": {
            "Description": "Where to run Restart-EC2InstanceDemo in the console",
            "Value": {
                "Fn::Sub": [
                    "https://${AWS::Region}.${Host}/systems-manager/automation/execute/"
                    "Restart-EC2InstanceDemo?region=${AWS::Region}",
                    {"Host": {"Fn::FindInMap": ["Console", {"Ref": "AWS::Partition"}, "Host"]}},
                ]
            },
        },
    }
    assert expected == stack["Outputs"]
    assert stack["Mappings"]["Console"] == {
        "aws": {"Host": "console.aws.amazon.com"},
        "aws-cn": {"Host": "console.amazonaws.cn"},
        "aws-us-gov": {"Host": "console.amazonaws-us-gov.com"},
    }


def test_output_of_several_parameters_is_a_command_that_the_aws_cli_takes() -> None:
    resizing = ServiceRole(name="AutomationServiceRole", runbooks=("Resize-EC2Instance",))
    stack = template("RunbooksStack", deployment(service_roles=(resizing,)))

    command = stack["Outputs"]["RunResizeEC2Instance"]["Value"]["Fn::Sub"]

    words = shlex.split(command)
    assert words[-2] == "--parameters"
    assert json.loads(words[-1]) == {"InstanceId": ["..."], "InstanceType": ["..."]}


def test_at_most_five_documents_are_created_at_a_time() -> None:
    many, runbooks = of_many_runbooks(12)
    stack = template("RunbooksStack", many, runbooks=runbooks)

    depends = {
        resource["Properties"]["Name"]: resource.get("DependsOn", [])
        for resource in stack["Resources"].values()
    }
    expected = {
        f"Restart-Fleet{number:03d}": [f"RestartFleet{number - 5:03d}"] if number >= 5 else []
        for number in range(12)
    }
    assert expected == depends


def test_outputs_over_cloudformations_200_become_one_for_all() -> None:
    many, runbooks = of_many_runbooks(101)
    stack = template("RunbooksStack", many, runbooks=runbooks)

    assert list(stack["Outputs"]) == ["RunRunbook", "OpenRunbook"]
    assert stack["Outputs"]["RunRunbook"]["Description"] == "How to run each of the 101 runbooks"


def test_estimate_of_the_templates_size_is_never_below_the_template() -> None:
    many, runbooks = of_many_runbooks(100)
    stack = template("RunbooksStack", many, runbooks=runbooks)

    contents: list[dict[str, Any]] = [dict(runbook.content) for runbook in runbooks.values()]
    written = len(json.dumps(stack, indent=1).encode())
    assert written <= estimated_bytes(contents) <= 2 * written
