"""Probes of what runbooks do: defaults, selectors, ends."""

from typing import Any

from account.verification.lab import SLEEP, Lab, allow
from account.verification.probe import Probe

_UG = "Systems Manager User Guide"


def _pass(name: str, **more: Any) -> dict[str, Any]:
    return {**SLEEP, "name": name, **more}


def _statuses(ended: dict[str, Any]) -> str:
    steps = ", ".join(f"{s['StepName']} {s['StepStatus']}" for s in ended["StepExecutions"])
    return f"{ended['AutomationExecutionStatus']}: {steps}"


def _failing(**more: Any) -> dict[str, Any]:
    inputs = {"Service": "ssm", "Api": "GetParameter", "Name": "/nothing/of/this/name"}
    return {"name": "fail", "action": "aws:executeAwsApi", "inputs": inputs, **more}


def _selector(lab: Lab) -> str:
    ask = {
        "name": "ask",
        "action": "aws:executeAwsApi",
        "inputs": {"Service": "sts", "Api": "GetCallerIdentity"},
        "outputs": [{"Name": "Found", "Selector": "$.NothingOfThisName", "Type": "String"}],
    }
    return _statuses(lab.execute(lab.document(ask, _pass("after"))))


def _parameter_in_a_default(lab: Lab) -> str:
    ssm, name = lab.client("ssm"), lab.name("Parameter")
    ssm.put_parameter(Name=name, Value="PT1S", Type="String")
    lab.later(f"parameter {name}", ssm.delete_parameter, Name=name)
    document = lab.document(
        {"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "{{ Duration }}"}},
        parameters={"Duration": {"type": "String", "default": f"{{{{ssm:{name}}}}}"}},
    )
    return _statuses(lab.execute(document))


def _system_variable_in_a_default(lab: Lab) -> str:
    ask = {
        "name": "ask",
        "action": "aws:executeAwsApi",
        "inputs": {"Service": "sts", "Api": "GetCallerIdentity"},
        "outputs": [{"Name": "Account", "Selector": "$.Account", "Type": "String"}],
    }
    branch = {
        "name": "branch",
        "action": "aws:branch",
        "inputs": {
            "Choices": [
                {
                    "NextStep": "same",
                    "Variable": "{{ ask.Account }}",
                    "StringEquals": "{{ Account }}",
                }
            ],
            "Default": "other",
        },
    }
    document = lab.document(
        *(ask, branch, _pass("other", isEnd=True), _pass("same", isEnd=True)),
        parameters={"Account": {"type": "String", "default": "{{ global:ACCOUNT_ID }}"}},
    )
    ended = lab.execute(document)
    return ", ".join(s["StepName"] for s in ended["StepExecutions"] if s["StepStatus"] == "Success")


def _is_end(lab: Lab) -> str:
    failing = _failing(onFailure="Continue", isEnd=True)
    return _statuses(lab.execute(lab.document(failing, _pass("after"))))


def _next_after_failure(lab: Lab) -> str:
    document = lab.document(_failing(onFailure="step:last"), _pass("between"), _pass("last"))
    return _statuses(lab.execute(document))


def _boolean(lab: Lab) -> str:
    branch = {
        "name": "branch",
        "action": "aws:branch",
        "inputs": {
            "Choices": [{"NextStep": "yes", "Variable": "{{ Flag }}", "BooleanEquals": True}],
            "Default": "no",
        },
    }
    document = lab.document(
        branch,
        _pass("no", isEnd=True),
        _pass("yes", isEnd=True),
        parameters={"Flag": {"type": "Boolean", "default": False}},
    )
    ended = lab.execute(document, Parameters={"Flag": ["true"]})
    return ", ".join(s["StepName"] for s in ended["StepExecutions"] if s["StepStatus"] == "Success")


def _session_name(lab: Lab) -> str:
    role = lab.role([allow("ec2:DescribeInstances")])
    look = {
        "name": "look",
        "action": "aws:executeAwsApi",
        "inputs": {"Service": "ec2", "Api": "DescribeInstances"},
    }
    ended = lab.execute(lab.document(look, assumeRole=role))
    id_ = ended["AutomationExecutionId"]
    trail = lab.client("cloudtrail")

    def recorded() -> list[str]:
        answer = trail.lookup_events(
            LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": id_}]
        )
        return sorted({event["EventName"] for event in answer["Events"]})

    found = lab.until(recorded, seconds=1200)
    return "the execution's id" if "DescribeInstances" in (found or ()) else "another name"


RUNBOOKS = (
    Probe(
        id="selector-without-a-match",
        assumption="an output whose selector matches nothing leaves the step as it is",
        source=f"{_UG}, aws:executeAwsApi (inferred)",
        call="a step with the selector $.NothingOfThisName",
        expected="Success: ask Success, after Success",
        ask=_selector,
    ),
    Probe(
        id="parameter-store-in-a-default",
        assumption="{{ssm:NAME}} as a default is the value of the parameter",
        source=f"{_UG}, Working with Parameter Store in Automation",
        call="a runbook whose default names a parameter",
        expected="Success: wait Success",
        ask=_parameter_in_a_default,
    ),
    Probe(
        id="system-variable-in-a-default",
        assumption="a system variable as a default is its value",
        source=f"{_UG}, Automation system variables",
        call="a runbook whose default is {{ global:ACCOUNT_ID }}",
        expected="ask, branch, same",
        ask=_system_variable_in_a_default,
    ),
    Probe(
        id="is-end-after-a-failure",
        assumption="isEnd ends the execution also where the step failed and onFailure is Continue",
        source=f"{_UG}, isEnd and onFailure (inferred)",
        call="a failing step with onFailure Continue and isEnd",
        expected="Success: fail Failed, after Pending",
        ask=_is_end,
    ),
    Probe(
        id="step-after-a-failure",
        assumption="onFailure step:NAME leaves out what stands between, and the execution fails",
        source=f"{_UG}, Handling errors in runbooks",
        call="a failing step that leads to the last one",
        expected="Failed: fail Failed, between Pending, last Success",
        ask=_next_after_failure,
    ),
    Probe(
        id="boolean-of-a-start",
        assumption="a start gives a Boolean as the text true, and BooleanEquals compares it",
        source=f"{_UG}, aws:branch",
        call="a branch on a Boolean parameter",
        expected="branch, yes",
        ask=_boolean,
    ),
    Probe(
        id="session-name-of-an-execution",
        assumption="CloudTrail records the calls of an execution under its id",
        source="CloudTrail events of Automation (inferred)",
        call="LookupEvents by the execution's id as the user name",
        expected="the execution's id",
        ask=_session_name,
        minutes=20,
    ),
)
