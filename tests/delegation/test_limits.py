"""The limits of a service role: what they make of documents, needs and the boundary."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from delegation.deployment.limits import deployed_content, needs_of_role, required_parameters
from delegation.errors import DelegationError
from delegation.model import Approval, ExistingRole, IamUser, ServiceRole
from delegation.names import Naming
from delegation.policies.service_roles import boundary_statements
from delegation.runbooks.limit_checks import check_role_limits
from delegation.runbooks.runbook import Runbook, check_runbook, load_runbooks

_RESTART = "Restart-EC2InstanceDemo"
_INSTANCES = "arn:${AWS::Partition}:ec2:eu-west-1:${AWS::AccountId}:instance/*"


def _role(*runbooks: str, **limits: Any) -> ServiceRole:
    return ServiceRole(name="Role", runbooks=runbooks or (_RESTART,), **limits)


def _runbook(folder: Path, *steps: dict[str, Any], sidecar: str = "", **fields: Any) -> Runbook:
    path = folder / "Own.json"
    path.write_text(json.dumps({"schemaVersion": "0.3", **fields, "mainSteps": steps}), "utf-8")
    if sidecar:
        path.with_suffix(".delegation.yaml").write_text(sidecar, "utf-8")
    checked = check_runbook(path)
    assert checked.findings == ()
    return checked.runbook


def _declaring(folder: Path, action: str, resource: str) -> Runbook:
    """A runbook whose script needs an action on a resource."""
    script = {"Runtime": "python3.11", "Handler": "f", "Script": "def f(a, b): pass"}
    return _runbook(
        folder,
        {"name": "act", "action": "aws:executeScript", "inputs": script},
        sidecar=f"needs:\n- step: act\n  actions: ['{action}']\n  resources: ['{resource}']\n"
        "  why: acts on what it finds\n",
    )


_LIMITED = _role("Own", only_instances_tagged=("Automation", "allowed"))


def _refusal(role: ServiceRole, runbook: Runbook) -> str:
    with pytest.raises(DelegationError) as error:
        check_role_limits(role, {runbook.name: runbook})
    return str(error.value)


def test_approval_and_calendar_come_before_the_first_step() -> None:
    runbook = load_runbooks([_RESTART])[_RESTART]
    approval = Approval(by=(IamUser("lead"), ExistingRole("Leads")), at_least=2)

    deployed = deployed_content(runbook, _role(approval=approval, calendar="Open"), Naming(), "")

    assert deployed["mainSteps"] == [
        {
            "name": "approveRun",
            "action": "aws:approve",
            "timeoutSeconds": 604800,
            "onFailure": "Abort",
            "inputs": {
                "Message": "Restart-EC2InstanceDemo waits for your approval\n"
                "Limit: only while the Change Calendar Open is open\n"
                "See and answer it: operate approve {{ automation:EXECUTION_ID }} "
                "--region {{ global:REGION }}",
                "MinRequiredApprovals": 2,
                "Approvers": [
                    {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:user/lead"},
                    {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/Leads"},
                ],
            },
        },
        {
            "name": "assertCalendarIsOpen",
            "action": "aws:assertAwsResourceProperty",
            "onFailure": "Abort",
            "inputs": {
                "Service": "ssm",
                "Api": "GetCalendarState",
                "CalendarNames": ["Open"],
                "PropertySelector": "$.State",
                "DesiredValues": ["OPEN"],
            },
        },
        *runbook.content["mainSteps"],
    ]


def test_steps_that_limits_put_first_pass_the_check_of_runbooks(tmp_path: Path) -> None:
    runbook = load_runbooks([_RESTART])[_RESTART]
    limits = _role(approval=Approval(by=(IamUser("lead"),)), calendar="Open", at_most_instances=3)
    deployed = deployed_content(runbook, limits, Naming(), "")
    del deployed["assumeRole"]
    deployed["mainSteps"][0]["inputs"]["Approvers"] = ["lead"]
    path = tmp_path / "Restart.json"
    path.write_text(json.dumps(deployed), "utf-8")
    path.with_suffix(".delegation.yaml").write_text("freeParameters: {InstanceId: the guide's}")

    assert check_runbook(path).findings == ()


def test_calendar_joins_the_needs() -> None:
    runbooks = load_runbooks([_RESTART])

    without = needs_of_role(_role(), runbooks)
    needs = needs_of_role(_role(calendar="Open"), runbooks)

    (more,) = set(needs) - set(without)
    assert (more.step, more.action, more.resource) == (
        "assertCalendarIsOpen",
        "ssm:GetCalendarState",
        "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:document/Open",
    )


def test_at_most_bounds_the_parameter_that_lists_instances(tmp_path: Path) -> None:
    listed = load_runbooks([_RESTART])[_RESTART]
    typed = _runbook(
        tmp_path,
        {
            "name": "stop",
            "action": "aws:changeInstanceState",
            "inputs": {"InstanceIds": "{{ Ids }}", "DesiredState": "stopped"},
        },
        parameters={"Ids": {"type": "List<AWS::EC2::Instance::Id>", "maxItems": 2}},
    )

    limits = {"at_most_instances": 5}

    bounded = deployed_content(listed, _role(**limits), Naming(), "")["parameters"]["InstanceId"]
    narrower = deployed_content(typed, _role("Own", **limits), Naming(), "")["parameters"]["Ids"]
    assert bounded == {**listed.content["parameters"]["InstanceId"], "maxItems": 5}
    assert narrower["maxItems"] == 2


def test_boundary_of_a_limited_role_holds_for_tagged_instances_and_keeps_the_tag() -> None:
    needs = load_runbooks([_RESTART])[_RESTART].needs

    statements = boundary_statements(needs, ("eu-west-1",), (("Automation", ("allowed",)),))

    assert [statement.render() for statement in statements] == [
        {
            "Sid": "UseEc2",
            "Effect": "Allow",
            "Action": ["ec2:DescribeInstanceStatus"],
            "Resource": ["*"],
        },
        {
            "Sid": "UseEc2Instance",
            "Effect": "Allow",
            "Action": ["ec2:StartInstances", "ec2:StopInstances"],
            "Resource": [{"Fn::Sub": _INSTANCES}],
            "Condition": {"StringEquals": {"aws:ResourceTag/Automation": "allowed"}},
        },
        {
            "Sid": "NeverChangeLimitTag",
            "Effect": "Deny",
            "Action": ["ec2:CreateTags", "ec2:DeleteTags"],
            "Resource": ["*"],
            "Condition": {"ForAnyValue:StringEqualsIgnoreCase": {"aws:TagKeys": ["Automation"]}},
        },
        {
            "Sid": "NeverRemoveEveryTag",
            "Effect": "Deny",
            "Action": ["ec2:DeleteTags"],
            "Resource": ["*"],
            "Condition": {"Null": {"aws:TagKeys": "true"}},
        },
    ]


_IDS = {"type": "List<AWS::EC2::Instance::Id>"}


def _stop(instances: object) -> dict[str, Any]:
    inputs = {"InstanceIds": instances, "DesiredState": "stopped"}
    return {"name": "stop", "action": "aws:changeInstanceState", "inputs": inputs}


def _find() -> dict[str, Any]:
    every = {"Name": "Ids", "Selector": "$.Reservations..InstanceId", "Type": "StringList"}
    inputs = {"Service": "ec2", "Api": "DescribeInstances"}
    return {"name": "find", "action": "aws:executeAwsApi", "inputs": inputs, "outputs": [every]}


_UNLIMITED: dict[str, tuple[list[dict[str, Any]], dict[str, Any], str]] = {
    "no parameter": (
        [{"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}],
        {},
        "none of its parameters names instances",
    ),
    "two lists": (
        [_stop(["{{ One }}", "{{ Two }}"])],
        {"One": _IDS, "Two": _IDS},
        "One and Two both list instances",
    ),
    "more by default": (
        [_stop("{{ One }}")],
        {"One": {**_IDS, "default": ["i-11111111", "i-22222222"]}},
        "One has 2 values by default",
    ),
    "more at least": (
        [_stop("{{ One }}")],
        {"One": {**_IDS, "minItems": 2}},
        "One has minItems 2",
    ),
    "instances that a step finds": (
        [_find(), _stop("{{ find.Ids }}"), {**_stop("{{ One }}"), "name": "too"}],
        {"One": _IDS},
        "step 'stop' takes its instances from find.Ids",
    ),
    "instances by a tag": (
        [
            {
                "name": "run",
                "action": "aws:runCommand",
                "inputs": {
                    "DocumentName": "AWS-RunShellScript",
                    "Targets": [{"Key": "tag:Role", "Values": ["web"]}],
                },
            },
            _stop("{{ One }}"),
        ],
        {"One": _IDS},
        "step 'run' names its instances by Targets",
    ),
}


@pytest.mark.parametrize("case", _UNLIMITED)
def test_runbook_whose_number_of_instances_cannot_be_limited_is_refused(
    tmp_path: Path, case: str
) -> None:
    steps, parameters, reason = _UNLIMITED[case]
    runbook = _runbook(tmp_path, *steps, parameters=parameters)

    assert _refusal(_role("Own", at_most_instances=1), runbook) == (
        f"at_most_instances of service role 'Role' cannot limit runbook 'Own': {reason}; give it "
        "a role without that limit (deployments.py)"
    )


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("ec2:StopInstances", "*"),
        ("ec2:StopInstances", "arn:${AWS::Partition}:ec2:*:*:*"),
        ("ec2:StopInstances", "arn:${AWS::Partition}:ec2:*:*:inst*/*"),
        ("ec2:StopInstances", "arn:${AWS::Partition}:ec2:*:*:*/i-1"),
        ("ec2:Unheard", "*"),
    ],
)
def test_runbook_that_reaches_instances_past_their_tags_cannot_be_limited(
    tmp_path: Path, action: str, resource: str
) -> None:
    assert _refusal(_LIMITED, _declaring(tmp_path, action, resource)) == (
        "only_instances_tagged of service role 'Role' cannot limit runbook 'Own': step 'act' "
        f"needs {action} on {resource}, not on the ARNs of instances; narrow it, or give the "
        "runbook a role without that limit (deployments.py)"
    )


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("secretsmanager:RotateSecret", "arn:${AWS::Partition}:secretsmanager:*:*:secret:a"),
        ("secretsmanager:GetSecretValue", "arn:${AWS::Partition}:secretsmanager:*:*:secret:*"),
        ("ec2:DeleteVolume", "arn:${AWS::Partition}:ec2:*:*:volume/*"),
        ("ec2:DetachVolume", "arn:${AWS::Partition}:ec2:*:*:volume/*"),
        ("ec2:CreateTags", "arn:${AWS::Partition}:ec2:*:*:image/*"),
        ("ssm:StartAutomationExecution", "arn:${AWS::Partition}:ssm:*:*:automation-definition/A:*"),
        ("ec2:DeleteVolume", "*"),
    ],
)
def test_runbook_that_acts_on_other_resources_cannot_be_limited_by_the_tags_of_instances(
    tmp_path: Path, action: str, resource: str
) -> None:
    assert _refusal(_LIMITED, _declaring(tmp_path, action, resource)) == (
        "only_instances_tagged of service role 'Role' cannot limit runbook 'Own': step 'act' "
        f"needs {action} on {resource}, which the tags of instances do not limit; leave it out, or "
        "give the runbook a role without that limit (deployments.py)"
    )


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("ec2:DescribeVolumes", "*"),
        ("ec2:AttachVolume", "arn:${AWS::Partition}:ec2:*:*:volume/*"),
        ("ec2:CreateImage", "arn:${AWS::Partition}:ec2:*:*:snapshot/*"),
        ("ssm:GetParameters", "arn:${AWS::Partition}:ssm:eu-west-1:111122223333:parameter/ami"),
        ("sts:GetCallerIdentity", "*"),
    ],
)
def test_runbook_that_reads_or_is_judged_on_an_instance_as_well_can_be_limited(
    tmp_path: Path, action: str, resource: str
) -> None:
    check_role_limits(_LIMITED, {"Own": _declaring(tmp_path, action, resource)})


def test_managed_nodes_of_a_limited_role_are_limited_as_well(tmp_path: Path) -> None:
    run = {
        "name": "run",
        "action": "aws:runCommand",
        "inputs": {"DocumentName": "AWS-RunShellScript", "InstanceIds": ["i-0123456789abcdef0"]},
    }
    needs = _runbook(tmp_path, run).needs

    statements = boundary_statements(needs, ("eu-west-1",), (("Automation", ("allowed",)),))

    limited = {s.resources[0].rsplit(":", 1)[-1] for s in statements if s.conditions}
    assert {"managed-instance/*", "instance/i-0123456789abcdef0"} <= limited


def test_step_called_as_one_that_a_limit_puts_first_is_refused(tmp_path: Path) -> None:
    wait = {"name": "approveRun", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}
    runbook = _runbook(tmp_path, wait)

    message = _refusal(_role("Own", approval=Approval(by=(IamUser("lead"),))), runbook)

    assert message == (
        f"{tmp_path}/Own.json: step 'approveRun' is called as the step that a limit of service "
        "role 'Role' puts before it; rename it"
    )


def test_several_tags_are_all_asked_for_each_with_one_of_its_values() -> None:
    needs = load_runbooks([_RESTART])[_RESTART].needs
    role = ServiceRole(
        name="Role",
        runbooks=(_RESTART,),
        only_instances_tagged=(("Automation", "allowed"), ("Team", ("db", "web"))),
    )

    *_, of_instances, one, other, every = boundary_statements(
        needs, ("eu-west-1",), role.limit_tags
    )

    assert of_instances.render()["Condition"] == {
        "StringEquals": {
            "aws:ResourceTag/Automation": "allowed",
            "aws:ResourceTag/Team": ["db", "web"],
        }
    }
    assert [s.sid for s in (one, other, every)] == [
        "NeverChangeLimitTag",
        "NeverChangeLimitTag2",
        "NeverRemoveEveryTag",
    ]
    assert [s.conditions[0][2] for s in (one, other)] == [("Automation",), ("Team",)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((), "only_instances_tagged of service role 'Role' is (), not (key, value)"),
        ("Automation", "only_instances_tagged of service role 'Role' is 'Automation', not (key"),
        ((("A", ()),), "only_instances_tagged of service role 'Role' is ('A', ()), not (key"),
        ((("A", ("x", "*")),), "only_instances_tagged of service role 'Role' is ('A', '*'), not"),
        (
            (("A", "x"), ("a", "y")),
            "tag of only_instances_tagged of service role 'Role' 'a' is named 2 times",
        ),
    ],
)
def test_tags_that_are_none_are_refused(given: Any, message: str) -> None:
    with pytest.raises(DelegationError) as refused:
        ServiceRole(name="Role", runbooks=(_RESTART,), only_instances_tagged=given)

    assert str(refused.value).startswith(message)


def test_reason_is_a_required_parameter_and_stands_in_the_message_to_approvers() -> None:
    runbook = load_runbooks([_RESTART])[_RESTART]
    role = ServiceRole(
        name="Role",
        runbooks=(_RESTART,),
        require_reason=True,
        reason_pattern="^OPS-[0-9]+$",
        approval=Approval(by=(IamUser("lead"),)),
    )

    content = deployed_content(runbook, role, Naming(), "aws-cn")

    assert content["parameters"]["Reason"] == {
        "type": "String",
        "description": "(Required) Why this is run",
        "allowedPattern": "^OPS-[0-9]+$",
    }
    assert content["mainSteps"][0]["inputs"]["Message"] == (
        "Restart-EC2InstanceDemo waits for your approval: {{ Reason }}\n"
        "See and answer it: operate approve {{ automation:EXECUTION_ID }} "
        "--region {{ global:REGION }}\n"
        "In the console: https://{{ global:REGION }}.console.amazonaws.cn/systems-manager/"
        "automation/execution/{{ automation:EXECUTION_ID }}?region={{ global:REGION }}"
    )
    assert required_parameters(runbook, role) == ("InstanceId", "Reason")
    assert "Reason" not in runbook.content["parameters"]


def test_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(
        DelegationError, match=r"reason_pattern of service role 'Role' is '\(', not"
    ):
        ServiceRole(name="Role", runbooks=(_RESTART,), require_reason=True, reason_pattern="(")


def test_runbook_with_a_reason_of_its_own_is_refused() -> None:
    runbook = load_runbooks([_RESTART])[_RESTART]
    parameters = {**runbook.content["parameters"], "Reason": {"type": "String", "default": "x"}}
    own = replace(runbook, content={**runbook.content, "parameters": parameters})
    role = ServiceRole(name="Role", runbooks=(_RESTART,), require_reason=True)

    with pytest.raises(DelegationError, match="parameter 'Reason' is called as the one that"):
        check_role_limits(role, {_RESTART: own})


def test_approvers_are_told_by_a_topic_that_the_role_may_publish_to() -> None:
    runbooks = load_runbooks([_RESTART])
    role = ServiceRole(
        name="Role",
        runbooks=(_RESTART,),
        approval=Approval(by=(IamUser("lead"),), notify="AutomationApprovals"),
    )
    topic = "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:AutomationApprovals"

    content = deployed_content(runbooks[_RESTART], role, Naming(), "")
    needs = needs_of_role(role, runbooks)

    assert content["mainSteps"][0]["inputs"]["NotificationArn"] == {"Fn::Sub": topic}
    assert [(n.action, n.resource) for n in needs if n.step == "approveRun"] == [
        ("sns:Publish", topic)
    ]


@pytest.mark.parametrize("topic", ["Approvals", "Automation.fifo", "arn:aws:sns:x:y:Automation", 7])
def test_topic_that_automation_does_not_take_is_refused(topic: Any) -> None:
    with pytest.raises(DelegationError, match="begins with Automation"):
        Approval(by=(IamUser("lead"),), notify=topic)
