"""What SSM documents that it refuses, or reads otherwise, found before it is deployed.

Each case is one step or one parameter of a small document; its source stands with the rule.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from delegation.runbooks.runbook import check_runbook

_WAIT = {"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}


def _found(path: Path, text: str) -> list[str]:
    """The findings of a document, each without the file."""
    path.write_text(text, "utf-8")
    findings = check_runbook(path).findings
    return [str(finding).removeprefix(f"{path}:") for finding in findings]


def _of(path: Path, *steps: dict[str, Any], **sections: Any) -> list[str]:
    content = {"schemaVersion": "0.3", **sections, "mainSteps": [*steps]}
    return [line.split(": ", 1)[1] for line in _found(path, json.dumps(content))]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a document is written."""
    return tmp_path / "Restart-Anything.json"


def _branch(**choice: Any) -> dict[str, Any]:
    choice = {"NextStep": "wait", **choice}
    return {"name": "choose", "action": "aws:branch", "inputs": {"Choices": [choice]}}


_REGION = {"Variable": "{{ global:REGION }}", "StringEquals": "eu-west-1"}


@pytest.mark.parametrize("group", ["And", "Or"])
@pytest.mark.parametrize("members", [1, 2])
def test_group_joins_two_comparisons_at_least(path: Path, group: str, members: int) -> None:
    found = _of(path, _branch(**{group: [_REGION] * members}), _WAIT)

    expected = f"step choose: inputs.Choices[0].{group}: joins 1 comparison; at least 2 [branch]"
    assert found == ([expected] if members == 1 else [])


def test_group_within_a_loop_condition_joins_two_as_well(path: Path) -> None:
    loop = {
        "name": "again",
        "action": "aws:loop",
        "inputs": {"LoopCondition": {"Or": [_REGION]}, "MaxIterations": 2, "Steps": [_WAIT]},
    }

    assert _of(path, loop) == [
        "step again: inputs.LoopCondition.Or: joins 1 comparison; at least 2 [branch]"
    ]


_STORED = (
    "SSM fills in {{ssm:NAME}} in the default of a parameter alone; give a parameter that default "
    "and refer to the parameter [unknown-reference]"
)


@pytest.mark.parametrize(
    ("step", "field"),
    [
        (_branch(Variable="{{ ssm:/mode }}", StringEquals="a"), "Choices[0].Variable"),
        ({"name": "pause", "action": "aws:sleep", "inputs": {"Duration": "{{ssm:/mode}}"}}, ""),
        (
            {
                "name": "read",
                "action": "aws:executeAwsApi",
                "inputs": {
                    "Service": "ec2",
                    "Api": "DescribeInstances",
                    "NextToken": "{{ssm:/mode}}",
                },
            },
            "NextToken",
        ),
    ],
    ids=["branch", "sleep", "api"],
)
def test_stored_parameter_in_a_step_is_refused(
    path: Path, step: dict[str, Any], field: str
) -> None:
    field = field or "Duration"

    assert _of(path, step, _WAIT) == [
        f"step {step['name']}: inputs.{field}: {{{{ ssm:/mode }}}} is not filled in here; {_STORED}"
    ]


def test_stored_parameter_in_a_default_is_taken(path: Path) -> None:
    image = {
        "type": "String",
        "default": "{{ssm:/golden/ami}}",
        "allowedPattern": "^ami-[0-9a-f]+$",
    }
    copy = {
        "name": "copy",
        "action": "aws:copyImage",
        "inputs": {"SourceImageId": "{{ Id }}", "SourceRegion": "eu-west-1", "ImageName": "copy"},
    }

    assert _of(path, copy, parameters={"Id": image}) == []


def test_stored_secret_is_refused_in_a_default_as_well(path: Path) -> None:
    key = {"type": "String", "default": "{{ssm-secure:/key}}", "allowedPattern": "^[a-z]{1,9}$"}
    read = {
        "name": "read",
        "action": "aws:executeAwsApi",
        "inputs": {"Service": "ec2", "Api": "DescribeInstances", "NextToken": "{{ Key }}"},
    }

    assert _of(path, read, parameters={"Key": key}) == [
        "parameters.Key.default: {{ ssm-secure:/key }} is not filled in here; Automation does not "
        "read SecureString parameters; read it by a step [unknown-reference]"
    ]


@pytest.mark.parametrize(
    ("kind", "default", "allowed", "is_among"),
    [
        ("String", "TRUE", ["true", "false"], False),
        ("String", "Install", ["install"], False),
        ("String", "install", ["install"], True),
        ("StringList", ["Install"], ["install"], False),
        ("Integer", 1, [1, 2], True),
        ("Boolean", True, [True, False], True),
        ("Boolean", "true", [True], True),
        ("Boolean", False, [True], False),
    ],
)
def test_values_are_compared_as_written(
    path: Path, kind: str, default: object, allowed: list[object], is_among: bool
) -> None:
    parameter = {"type": kind, "default": default, "allowedValues": allowed}
    read = {
        "name": "read",
        "action": "aws:executeScript",
        "inputs": {
            "Runtime": "python3.11",
            "Handler": "h",
            "Script": "def h(e, c): pass",
            "InputPayload": {"x": "{{ Mode }}"},
        },
    }
    path.with_suffix(".delegation.yaml").write_text(
        "needs:\n- {step: read, actions: [], resources: [], why: it computes}\n"
    )

    found = _of(path, read, parameters={"Mode": parameter})

    assert [line.rsplit("[", 1)[1] for line in found] == ([] if is_among else ["default]"])


_SELECTORS = {
    "$.SecurityGroupRules[].Id": "empty bracketed segment",
    "SecurityGroupRules[*].Id | [0]": "it joins two paths",
    "$.SecurityGroupRules[?IsEgress].Id": "unexpected 'IsEgress'",
    "$.SecurityGroupRules[0": "unexpected end of segment",
    "": "it is empty",
    "$$.SecurityGroupRules": "unexpected token '$'",
    ".SecurityGroupRules": "it begins with a dot",
}


def _selecting(selector: str) -> dict[str, Any]:
    return {
        "name": "read",
        "action": "aws:executeAwsApi",
        "inputs": {"Service": "ec2", "Api": "DescribeSecurityGroupRules"},
        "outputs": [{"Name": "Ids", "Selector": selector, "Type": "StringList"}],
    }


@pytest.mark.parametrize("selector", _SELECTORS)
def test_selector_that_is_not_a_jsonpath_is_refused(path: Path, selector: str) -> None:
    assert _of(path, _selecting(selector)) == [
        f"step read: outputs[0].Selector: is {selector!r}, not a JSONPath: {_SELECTORS[selector]}; "
        f"a JSONPath that begins with $., as $.State [selector]"
    ]


@pytest.mark.parametrize(
    "selector",
    [
        "$.SecurityGroupRules[*].SecurityGroupRuleId",
        "$.SecurityGroupRules..GroupId",
        "$.SecurityGroupRules[?(@.IsEgress == true)].SecurityGroupRuleId",
        "$.SecurityGroupRules[?(@.IpProtocol=='tcp' && @.FromPort > 1)].SecurityGroupRuleId",
        "$.SecurityGroupRules[-1:].SecurityGroupRuleId",
        "$['SecurityGroupRules'][0]['SecurityGroupRuleId']",
        "$.SecurityGroupRules.length()",
        "$.SecurityGroupRules.[0].SecurityGroupRuleId",
        "SecurityGroupRules[0].SecurityGroupRuleId",
    ],
)
def test_selector_as_jayway_reads_it_is_taken(path: Path, selector: str) -> None:
    assert _of(path, _selecting(selector)) == []


@pytest.mark.parametrize("where", ["default", "allowedValues"])
def test_pattern_without_end_gives_an_answer_at_once(path: Path, where: str) -> None:
    value = "a" * 60 + "!"
    slow: dict[str, Any] = {"type": "String", "allowedPattern": r"^(([a-z])+.)+[A-Z]([a-z])+$"}
    slow[where] = value if where == "default" else [value]
    read = _selecting("$.SecurityGroupRules")
    read["inputs"]["NextToken"] = "{{ Slow }}"

    found = _of(path, read, parameters={"Slow": slow})

    at = "parameters.Slow.default" if where == "default" else "parameters.Slow.allowedValues[0]"
    assert any(line.startswith(f"{at}: is '{value}'") for line in found)


@pytest.mark.parametrize(
    "pattern", ["(?:a{65535}){65535}", "(?=(?:ab{999}){999})a", "(?>(?:a{999}|b){999})"]
)
def test_pattern_that_repeats_itself_into_a_large_one_is_refused(path: Path, pattern: str) -> None:
    read = _selecting("$.SecurityGroupRules")
    read["inputs"]["NextToken"] = "{{ Large }}"

    found = _of(path, read, parameters={"Large": {"type": "String", "allowedPattern": pattern}})

    assert any("it stands for more than 100,000 characters" in line for line in found)


def test_size_is_that_of_indented_text_that_is_not_escaped(path: Path) -> None:
    assert _of(path, _WAIT, description="復" * 11_000) == []

    step = {**_selecting("$.SecurityGroupRules"), "action": "aws:executeAwsApi"}
    many = [{**step, "name": f"step{number:03}"} for number in range(230)]

    (found,) = [line for line in _of(path, *many) if line.endswith("[size]")]
    assert "bytes as deployed with assumeRole; SSM takes 65,536 (64 KB)" in found


@pytest.mark.parametrize("written", ["{{ Id }}}", "{{{ Id }}", "{ Id }}", "{{ $.Id }}", "{{ Id }"])
def test_brace_too_many_or_too_few_is_found(path: Path, written: str) -> None:
    stop = {
        "name": "stop",
        "action": "aws:changeInstanceState",
        "inputs": {"InstanceIds": [written], "DesiredState": "stopped"},
    }
    found = _of(path, stop, parameters={"Id": {"type": "AWS::EC2::Instance::Id"}})

    assert (
        f"step stop: inputs.InstanceIds[0]: {written!r} holds braces that are no reference; two "
        f"braces before and after a name [unknown-reference]"
    ) in found


@pytest.mark.parametrize(
    "command",
    [
        "docker ps --format '{{.Names}}'",
        "docker ps --format '{{json .}}'",
        "echo ${HOME} ${X:-{}}",
        'echo \'{"a": {"b": 1}}\'',
        "awk '{ print $1 }' x",
    ],
)
def test_braces_of_other_languages_are_left_alone(path: Path, command: str) -> None:
    run = {
        "name": "run",
        "action": "aws:runCommand",
        "inputs": {
            "DocumentName": "AWS-RunShellScript",
            "InstanceIds": ["{{RESOURCE_ID}}"],
            "Parameters": {"commands": [command]},
        },
    }

    assert _of(path, run) == []


def _approving(**inputs: Any) -> dict[str, Any]:
    lead = "arn:aws:iam::111122223333:user/lead"
    return {"name": "ask", "action": "aws:approve", "inputs": {"Approvers": [lead], **inputs}}


def test_approval_that_can_never_be_given_is_refused(path: Path) -> None:
    assert _of(path, _approving(MinRequiredApprovals=1)) == []
    assert _of(path, _approving(MinRequiredApprovals=3)) == [
        "step ask: inputs.MinRequiredApprovals: is 3; at most 1, the number of Approvers [value]"
    ]


def test_topic_of_an_approval_has_the_prefix_that_automation_asks_for(path: Path) -> None:
    topic = "arn:aws:sns:eu-west-1:111122223333:"

    assert _of(path, _approving(NotificationArn=f"{topic}AutomationApprovals")) == []
    assert _of(path, _approving(NotificationArn=f"{topic}ChangeApprovals")) == [
        f"step ask: inputs.NotificationArn: is '{topic}ChangeApprovals'; a topic whose name begins "
        f"with Automation [value]"
    ]


@pytest.mark.parametrize(
    ("step", "finding"),
    [
        (
            {
                "name": "copy",
                "action": "aws:copyImage",
                "inputs": {
                    "SourceImageId": "ami-0123456789abcdef0",
                    "SourceRegion": "eu-west-1",
                    "ImageName": "copy",
                    "KmsKeyId": "alias/x",
                },
            },
            "step copy: inputs.KmsKeyId: stands without Encrypted; aws:copyImage takes both or "
            "neither [required]",
        ),
        (
            {"name": "long", "action": "aws:sleep", "inputs": {"Duration": "P7DT1S"}},
            "step long: inputs.Duration: is 'P7DT1S'; at most 604,799 seconds, 7 days [value]",
        ),
        (
            {
                "name": "call",
                "action": "aws:invokeLambdaFunction",
                "timeoutSeconds": 301,
                "inputs": {"FunctionName": "f"},
            },
            "step call: timeoutSeconds: is 301; at most 300 for aws:invokeLambdaFunction [value]",
        ),
        (
            {
                "name": "await",
                "action": "aws:waitForAwsResourceProperty",
                "inputs": {
                    "Service": "ec2",
                    "Api": "DescribeSnapshots",
                    "PropertySelector": "$.Snapshots[0].State",
                    "DesiredValues": ["complete"],
                },
            },
            "step await: inputs.DesiredValues[0]: is 'complete', which the property never is; "
            "it is "
            "one of: pending, completed, error, recoverable, recovering; nearest: completed "
            "[value]",
        ),
        (
            {
                "name": "check",
                "action": "aws:assertAwsResourceProperty",
                "inputs": {
                    "Service": "s3",
                    "Api": "GetPublicAccessBlock",
                    "Bucket": "b",
                    "PropertySelector": "$.PublicAccessBlockConfiguration.BlockPublicAcls",
                    "DesiredValues": ["true"],
                },
            },
            "step check: inputs.DesiredValues[0]: is 'true', which the property never is; it "
            "is one "
            "of: True, False; nearest: True [value]",
        ),
    ],
    ids=["input without the other", "sleep", "function", "enumeration", "truth"],
)
def test_documented_rule_of_an_input_is_held(
    path: Path, step: dict[str, Any], finding: str
) -> None:
    assert finding in _of(path, step)


@pytest.mark.parametrize("is_declared", [True, False])
def test_attachment_is_refused_as_the_deployment_does_not_carry_it(
    path: Path, is_declared: bool
) -> None:
    script = {
        "name": "script",
        "action": "aws:executeScript",
        "inputs": {"Runtime": "python3.11", "Handler": "m.h", "Attachment": "code.zip"},
    }
    path.with_suffix(".delegation.yaml").write_text(
        "needs:\n- {step: script, actions: [], resources: [], why: it computes}\n"
    )
    files = {"code.zip": {"checksums": {"sha256": "0" * 64}}}

    assert _of(path, script, **({"files": files} if is_declared else {})) == [
        "files: declares attachments, which the deployment does not carry; put the code into the "
        "step's Script [deploy]"
        if is_declared
        else "step script: inputs.Attachment: 'code.zip' is not in the document's files; known: "
        "none [unknown-reference]"
    ]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("012345670123", "1402433619"),
        ("1.10", "1.1"),
        ("12:30", "750"),
        ("1_000", "1000"),
        ("0x1F", "31"),
        ("yes", "true"),
        ("off", "false"),
        ("1e3", None),
        ("17", None),
        ("true", None),
    ],
)
def test_what_yaml_misreads_where_a_string_is_wanted_is_found(
    tmp_path: Path, written: str, read: str | None
) -> None:
    text = (
        'schemaVersion: "0.3"\nmainSteps:\n- name: share\n  action: aws:executeAwsApi\n'
        "  inputs: {Service: ec2, Api: ModifyImageAttribute, ImageId: ami-0123456789abcdef0,\n"
        f"    LaunchPermission: {{Add: [{{UserId: {written}}}]}}}}\n  isEnd: yes\n"
    )

    found = _found(tmp_path / "Restart-Anything.yaml", text)

    assert found == (
        []
        if read is None
        else [
            f"6:39: step share: inputs.LaunchPermission.Add[0].UserId: is {written}, which "
            f"YAML reads "
            f"as {read}; put it in quotes [deploy]"
        ]
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "- {name: s, action: 'aws:sleep', inputs: {Duration: {{ x }}}}",
            "found unhashable key; put a value that begins with braces in quotes, as '{{ name }}'",
        ),
        (
            "- name: s\n\taction: a",
            "found a tab character that violates indentation; YAML takes no tab there; use spaces",
        ),
        ("- name: a: b", "put a value with a colon and a space in quotes"),
    ],
    ids=["braces", "tab", "colon"],
)
def test_common_mistake_of_yaml_is_reported_with_its_fix(
    tmp_path: Path, line: str, reason: str
) -> None:
    (found,) = _found(
        tmp_path / "Restart-Anything.yaml", f'schemaVersion: "0.3"\nmainSteps:\n{line}\n'
    )

    assert reason in found
