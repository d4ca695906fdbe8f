"""Starting an execution: parameters, roles, and what IAM is asked."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox import Sandbox
from tests.sandbox.conftest import Document, Make

pytestmark = pytest.mark.sandbox

_WAIT = {"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}}
_LOOK = {
    "name": "look",
    "action": "aws:executeAwsApi",
    "inputs": {"Service": "sts", "Api": "GetCallerIdentity"},
    "outputs": [{"Name": "Arn", "Selector": "$.Arn", "Type": "String"}],
}
_INVALID = "InvalidAutomationExecutionParametersException"


def _refusal(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**parameters)
    found = error.value.response["Error"]
    return str(found["Code"]), str(found["Message"])


_DEFINITIONS: Document = {
    "Ids": {"type": "StringList", "default": ["none"], "minItems": 1, "maxItems": 2},
    "Size": {"type": "String", "default": "small", "allowedValues": ["small", "large"]},
    "Ticket": {"type": "String", "default": "T-1", "allowedPattern": "T-[0-9]+"},
    "Count": {"type": "Integer", "default": 1},
    "Force": {"type": "Boolean", "default": False},
    "Instances": {"type": "List<AWS::EC2::Instance::Id>", "default": []},
    "Options": {"type": "StringMap", "default": {}},
}

_WRONG = {
    "unknown": ({"Colour": ["red"]}, "Parameter(s) Colour not found in the document"),
    "not allowed": ({"Size": ["huge"]}, "not one of the allowed values small, large"),
    "against the pattern": ({"Ticket": ["17"]}, "does not match the allowed pattern T-[0-9]+"),
    "two values for one": ({"Size": ["small", "large"]}, "takes one value, not 2"),
    "too many": ({"Ids": ["a", "b", "c"]}, "has 3 values; allowed are 1 to 2"),
    "no integer": ({"Count": ["many"]}, "has value many, which is not an Integer"),
    "no boolean": ({"Force": ["perhaps"]}, "has value perhaps, which is not a Boolean"),
    "no instance id": ({"Instances": ["web-1"]}, "not of type AWS::EC2::Instance::Id"),
    "no map": ({"Options": ["a=b"]}, "which is not a StringMap"),
}


@pytest.mark.parametrize("case", _WRONG)
def test_wrong_parameter_is_refused(ssm: Any, runbook: Make, case: str) -> None:
    given, words = _WRONG[case]
    name = runbook(_WAIT, parameters=_DEFINITIONS)

    code, message = _refusal(ssm.start_automation_execution, DocumentName=name, Parameters=given)

    assert code == _INVALID
    assert words in message


def test_missing_parameter_is_refused(ssm: Any, runbook: Make) -> None:
    name = runbook(_WAIT, parameters={"Ids": {"type": "StringList"}})

    refused = _refusal(ssm.start_automation_execution, DocumentName=name)

    assert refused == (_INVALID, "Required parameter(s) Ids not supplied.")


def test_parameters_have_their_types_and_defaults(
    ssm: Any, runbook: Make, finish: Callable[..., Document]
) -> None:
    name = runbook(_WAIT, parameters=_DEFINITIONS)
    given = {"Ids": ["a", "b"], "Count": ["3"], "Options": ['{"a": 1}']}

    started = ssm.start_automation_execution(DocumentName=name, Parameters=given)

    execution = finish(started["AutomationExecutionId"])
    assert execution["Parameters"] == {
        "Ids": ["a", "b"],
        "Size": ["small"],
        "Ticket": ["T-1"],
        "Count": ["3"],
        "Force": ["false"],
        "Instances": [],
        "Options": ['{"a": 1}'],
    }


def test_unknown_runbook_and_version_have_automations_error_names(ssm: Any, runbook: Make) -> None:
    name = runbook(_WAIT)

    unknown = _refusal(ssm.start_automation_execution, DocumentName="No-SuchRunbook")
    version = _refusal(ssm.start_automation_execution, DocumentName=name, DocumentVersion="7")

    assert unknown[0] == "AutomationDefinitionNotFoundException"
    assert version[0] == "AutomationDefinitionVersionNotFoundException"


def test_same_client_token_starts_once(ssm: Any, runbook: Make) -> None:
    token = "12345678-1234-1234-1234-123456789012"
    request = {"DocumentName": runbook(_WAIT), "ClientToken": token}

    first = ssm.start_automation_execution(**request)["AutomationExecutionId"]
    second = ssm.start_automation_execution(**request)["AutomationExecutionId"]

    assert first == second
    other = {**request, "DocumentVersion": "1"}
    assert _refusal(ssm.start_automation_execution, **other)[0] == "IdempotentParameterMismatch"


def test_other_accounts_are_refused_in_plain_words(ssm: Any, runbook: Make) -> None:
    locations = [{"Accounts": ["444455556666"], "Regions": ["us-east-1"]}]

    code, message = _refusal(
        ssm.start_automation_execution, DocumentName=runbook(_WAIT), TargetLocations=locations
    )

    assert code == "ValidationException"
    assert message.startswith("Executions stay in their account and Region; TargetLocations")


def test_embedded_role_is_assumed_in_a_session_named_as_the_execution(
    ssm: Any, runbook: Make, role: Make, finish: Callable[..., Document]
) -> None:
    arn = role()
    name = runbook(_LOOK, assumeRole=arn)

    started = ssm.start_automation_execution(DocumentName=name)["AutomationExecutionId"]

    (step,) = finish(started)["StepExecutions"]
    session = arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/")
    assert step["Outputs"] == {"Arn": [f"{session}/{started}"]}


_TRUSTS: dict[str, tuple[Document, bool]] = {
    "automation": ({}, True),
    "another service": ({"principal": {"Service": "ec2.amazonaws.com"}}, False),
    "the account": ({"principal": {"AWS": "arn:aws:iam::000000000000:root"}}, False),
    "this account's executions": (
        {
            "condition": {
                "StringEquals": {"aws:SourceAccount": "000000000000"},
                "ArnLike": {"aws:SourceArn": "arn:aws:ssm:*:000000000000:automation-execution/*"},
            }
        },
        True,
    ),
    "another account's executions": (
        {"condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}},
        False,
    ),
    "another region's executions": (
        {
            "condition": {
                "ArnLike": {
                    "aws:SourceArn": "arn:aws:ssm:eu-west-1:000000000000:automation-execution/*"
                }
            }
        },
        False,
    ),
}


@pytest.mark.parametrize("case", _TRUSTS)
def test_trust_policy_decides_whether_the_role_is_assumed(
    ssm: Any, runbook: Make, role: Make, finish: Callable[..., Document], case: str
) -> None:
    trust, trusted = _TRUSTS[case]
    name = runbook(_WAIT, assumeRole=role(**trust))

    if trusted:
        started = ssm.start_automation_execution(DocumentName=name)["AutomationExecutionId"]
        assert finish(started)["AutomationExecutionStatus"] == "Success"
    else:
        refused = _refusal(ssm.start_automation_execution, DocumentName=name)
        assert refused == (_INVALID, "The defined assume role is unable to be assumed.")


def test_role_that_is_no_arn_or_does_not_exist_is_refused(ssm: Any, runbook: Make) -> None:
    name = runbook(_WAIT, assumeRole="{{ Role }}", parameters={"Role": {"type": "String"}})

    def start(role: str) -> tuple[str, str]:
        return _refusal(
            ssm.start_automation_execution, DocumentName=name, Parameters={"Role": [role]}
        )

    assert start("AssumeRoleARN") == (
        _INVALID,
        "The format of the supplied assume role ARN is invalid: AssumeRoleARN",
    )
    assert start("arn:aws:iam::000000000000:role/None") == (
        _INVALID,
        "The defined assume role is unable to be assumed.",
    )


def _start_statements(name: str) -> Document:
    return {
        "Effect": "Allow",
        "Action": ["ssm:StartAutomationExecution", "ssm:GetAutomationExecution"],
        "Resource": [
            f"arn:aws:ssm:us-east-1:000000000000:document/{name}",
            "arn:aws:ssm:us-east-1:000000000000:automation-execution/*",
        ],
    }


def test_role_picked_by_parameter_needs_the_callers_pass_role(
    sandbox: Sandbox, runbook: Make, role: Make, user: Any, unique: str
) -> None:
    arn = role()
    name = runbook(_WAIT, assumeRole="{{ Role }}", parameters={"Role": {"type": "String"}})
    request = {"DocumentName": name, "Parameters": {"Role": [arn]}}
    passing = {
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": arn,
        "Condition": {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}},
    }
    without = sandbox.client("ssm", user(_start_statements(name)))
    having = sandbox.client("ssm", user(_start_statements(name), passing, name=f"P-{unique}"))

    code, message = _refusal(without.start_automation_execution, **request)

    assert code == "AccessDeniedException"
    assert f"is not authorized to perform: iam:PassRole on resource: {arn}" in message
    assert having.start_automation_execution(**request)["AutomationExecutionId"]


def test_without_a_role_the_steps_run_as_the_caller(
    sandbox: Sandbox, runbook: Make, user: Any, unique: str, finish: Callable[..., Document]
) -> None:
    name = runbook(_LOOK)
    client = sandbox.client("ssm", user(_start_statements(name)))

    started = client.start_automation_execution(DocumentName=name)["AutomationExecutionId"]

    execution = finish(started, client=client)
    user_arn = f"arn:aws:iam::000000000000:user/User-{unique}"
    assert execution["StepExecutions"][0]["Outputs"] == {"Arn": [user_arn]}
    assert execution["ExecutedBy"] == user_arn


@pytest.mark.parametrize("missing", [0, 1])
def test_start_needs_the_document_and_the_execution(
    sandbox: Sandbox, runbook: Make, user: Any, missing: int
) -> None:
    name = runbook(_WAIT)
    statement = _start_statements(name)
    absent = statement["Resource"].pop(missing)
    client = sandbox.client("ssm", user(statement))

    code, message = _refusal(client.start_automation_execution, DocumentName=name)

    assert code == "AccessDeniedException"
    assert absent.rstrip("*") in message


def test_deny_on_the_automation_definition_denies_the_start(
    sandbox: Sandbox, runbook: Make, user: Any
) -> None:
    name = runbook(_WAIT)
    definition = f"arn:aws:ssm:us-east-1:000000000000:automation-definition/{name}:*"
    deny = {"Effect": "Deny", "Action": "ssm:StartAutomationExecution", "Resource": definition}
    client = sandbox.client("ssm", user(_start_statements(name), deny))

    code, message = _refusal(client.start_automation_execution, DocumentName=name)

    assert code == "AccessDeniedException"
    assert "with an explicit deny" in message


def test_start_can_be_limited_to_a_version_and_to_tags(
    sandbox: Sandbox, runbook: Make, user: Any
) -> None:
    name = runbook(_WAIT)
    statement = _start_statements(name)
    statement["Condition"] = {
        "StringEquals": {"ssm:DocumentVersion": "1", "aws:RequestTag/Owner": "me"}
    }
    tagging = {"Effect": "Allow", "Action": "ssm:AddTagsToResource", "Resource": "*"}
    client = sandbox.client("ssm", user(statement, tagging))
    untagging = sandbox.client("ssm", user(statement, name="Untagging"))
    owner = [{"Key": "Owner", "Value": "me"}]

    assert client.start_automation_execution(DocumentName=name, DocumentVersion="1", Tags=owner)[
        "AutomationExecutionId"
    ]
    for request in ({"DocumentVersion": "1"}, {"Tags": owner}):
        denied = _refusal(client.start_automation_execution, DocumentName=name, **request)
        assert denied[0] == "AccessDeniedException"
    whole = {"DocumentName": name, "DocumentVersion": "1", "Tags": owner}
    assert "ssm:AddTagsToResource" in _refusal(untagging.start_automation_execution, **whole)[1]


def test_author_who_may_not_pass_the_role_cannot_embed_it(
    sandbox: Sandbox, role: Make, user: Any, unique: str
) -> None:
    arn = role()
    content = json.dumps({"schemaVersion": "0.3", "assumeRole": arn, "mainSteps": [_WAIT]})
    create = {"Effect": "Allow", "Action": "ssm:CreateDocument", "Resource": "*"}
    client = sandbox.client("ssm", user(create))

    code, message = _refusal(
        client.create_document, Name=unique, DocumentType="Automation", Content=content
    )

    assert code == "AccessDeniedException"
    assert f"iam:PassRole on resource: {arn}" in message


_HIDDEN_ROLES = {
    "an escaped key": ("JSON", '{{"schemaVersion": "0.3", "assumeRol\\u0065": "{role}", {steps}}}'),
    "another text before it": (
        "JSON",
        '{{"schemaVersion": "0.3", "description": "assumeRole: arn:aws:iam::000000000000:role/x", '
        '"assumeRole": "{role}", {steps}}}',
    ),
    "a folded line": ("YAML", "schemaVersion: '0.3'\nassumeRole: >-\n  {role}\n{yaml}"),
}


@pytest.mark.parametrize("case", _HIDDEN_ROLES)
def test_embedded_role_is_found_however_it_is_written(
    sandbox: Sandbox, role: Make, user: Any, unique: str, case: str
) -> None:
    format_, text = _HIDDEN_ROLES[case]
    arn = role()
    steps = f'"mainSteps": [{json.dumps(_WAIT)}]'
    content = text.format(role=arn, steps=steps, yaml=f"mainSteps: [{json.dumps(_WAIT)}]")
    create = {"Effect": "Allow", "Action": "ssm:CreateDocument", "Resource": "*"}
    client = sandbox.client("ssm", user(create))

    code, message = _refusal(
        client.create_document,
        Name=unique,
        DocumentType="Automation",
        DocumentFormat=format_,
        Content=content,
    )

    assert code == "AccessDeniedException"
    assert f"iam:PassRole on resource: {arn}" in message


def test_role_under_another_path_is_not_the_role(ssm: Any, runbook: Make, role: Make) -> None:
    arn = role()
    name = runbook(_WAIT, assumeRole=arn.replace(":role/", ":role/harmless/"))

    refused = _refusal(ssm.start_automation_execution, DocumentName=name)

    assert refused == (_INVALID, "The defined assume role is unable to be assumed.")


@pytest.mark.parametrize("is_role", [False, True])
def test_calls_as_the_caller_are_made_via_automation(
    sandbox: Sandbox,
    runbook: Make,
    user: Any,
    role: Make,
    finish: Callable[..., Document],
    instances: Any,
    is_role: bool,
) -> None:
    """The way of AWSBudgetsActions_RolePolicyForResourceAdministrationWithSSM."""
    inputs = {"InstanceIds": instances(1), "DesiredState": "stopped"}
    name = runbook({"name": "stop", "action": "aws:changeInstanceState", "inputs": inputs})
    via = {
        "Effect": "Allow",
        "Action": ["ec2:StopInstances", "ec2:DescribeInstanceStatus"],
        "Resource": "*",
        "Condition": {"ForAnyValue:StringEquals": {"aws:CalledVia": ["ssm.amazonaws.com"]}},
    }
    if is_role:
        arn = role(_start_statements(name), via, principal={"AWS": "000000000000"})
        keys = sandbox.client("sts").assume_role(RoleArn=arn, RoleSessionName="ops")["Credentials"]
    else:
        keys = user(_start_statements(name), via)
    client = sandbox.client("ssm", keys)

    started = client.start_automation_execution(DocumentName=name)["AutomationExecutionId"]

    assert finish(started, client=client)["AutomationExecutionStatus"] == "Success"
    with pytest.raises(ClientError):
        sandbox.client("ec2", keys).stop_instances(InstanceIds=inputs["InstanceIds"])


def test_calls_with_a_service_role_are_not_made_via_automation(
    ssm: Any, runbook: Make, role: Make, finish: Callable[..., Document], instances: Any
) -> None:
    """The twin: Automation assumes the role itself, and acts for nobody."""
    inputs = {"InstanceIds": instances(1), "DesiredState": "stopped"}
    allowed = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
    denied = {
        "Effect": "Deny",
        "NotAction": "ssm:*",
        "Resource": "*",
        "Condition": {"ForAnyValue:StringEquals": {"aws:CalledVia": ["ssm.amazonaws.com"]}},
    }
    stop = {"name": "stop", "action": "aws:changeInstanceState", "inputs": inputs}
    name = runbook(stop, assumeRole=role(allowed, denied))

    started = ssm.start_automation_execution(DocumentName=name)["AutomationExecutionId"]

    assert finish(started)["AutomationExecutionStatus"] == "Success"
