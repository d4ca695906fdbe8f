"""What somebody does to hide from an audit, through real processes in an account of its own."""

import contextlib
import json
import re
import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox import Sandbox
from tests.operate.conftest import Account
from tests.operate.terminal import base, in_a_pipe

pytestmark = pytest.mark.sandbox

_AUTOMATION_ONLY = {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}}
_EVE = "arn:aws:iam::000000000000:user/eve"
_LOOK = {"Service": "ec2", "Api": "DescribeInstances"}
_TEMPLATE = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}


class Company(Account):
    """An account with a service role that somebody named eve may assume besides Automation."""

    def __init__(self, running: Sandbox) -> None:
        self.sandbox = running
        self.root = running.environment()
        iam = self.client("iam")
        iam.create_user(UserName="eve")
        self.allow_user("eve", "*")
        self.eve = iam.create_access_key(UserName="eve")["AccessKey"]
        self.service_role = self.role("ServiceRole", "*", eve=True)

    def allow_user(self, user: str, *actions: str) -> None:
        """Lets a user do this on everything."""
        self.client("iam").put_user_policy(
            UserName=user, PolicyName="Own", PolicyDocument=_allowing(*actions)
        )

    def role(self, name: str, *actions: str, eve: bool = False) -> str:
        """The ARN of a new role for Automation."""
        statements = [{**_AUTOMATION_ONLY, "Action": "sts:AssumeRole"}]
        if eve:
            statements.append({**statements[0], "Principal": {"AWS": _EVE}})
        trust = {"Version": "2012-10-17", "Statement": statements}
        made = self.client("iam").create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps(trust)
        )
        self.client("iam").put_role_policy(
            RoleName=name, PolicyName="Own", PolicyDocument=_allowing(*actions)
        )
        return str(made["Role"]["Arn"])

    def execution(self, document: str, keys: Any = None, **parameters: list[str]) -> str:
        """The id of an execution of a document that has ended."""
        execution = self.started(document, keys, **parameters)
        self.ended(execution)
        return execution

    def started(self, document: str, keys: Any = None, **parameters: list[str]) -> str:
        """The id of an execution of a document."""
        ssm = self.sandbox.client("ssm", keys) if keys else self.client("ssm")
        given = {"Parameters": parameters} if parameters else {}
        started = ssm.start_automation_execution(DocumentName=document, **given)
        return str(started["AutomationExecutionId"])

    def ended(self, execution: str) -> None:
        """Waits until an execution has ended."""
        for _ in range(200):
            answer = self.client("ssm").get_automation_execution(AutomationExecutionId=execution)
            if answer["AutomationExecution"]["AutomationExecutionStatus"] in ("Success", "Failed"):
                return
            time.sleep(0.05)
        raise AssertionError(execution)

    def session(self, name: str, region: str = "us-east-1") -> Any:
        """Credentials of a session of the service role that eve opens under this name."""
        sts = self.sandbox.client("sts", self.eve, region)
        opened = sts.assume_role(RoleArn=self.service_role, RoleSessionName=name)
        return opened["Credentials"]

    def audit(self, *arguments: str, status: int | None = None) -> dict[str, Any]:
        """What an audit reports, as JSON."""
        printed = in_a_pipe(self.root, "audit", *arguments, "--output", "json", status=status)
        report: dict[str, Any] = json.loads(printed.text)
        return report


def _allowing(*actions: str) -> str:
    grant = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [grant]})


@pytest.fixture
def company() -> Iterator[Company]:
    with Sandbox() as running:
        yield Company(running)


def _looking(company: Company, name: str = "Look") -> str:
    """A document whose steps look at instances with the service role."""
    step = {"name": "look", "action": "aws:executeAwsApi", "inputs": _LOOK}
    return company.runbook(name, step, assumeRole=company.service_role)


def _outside(report: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(c["Call"], c["By"], c["Why"]) for c in report["CallsOutsideExecutions"]]


def _session_of(name: str) -> str:
    return f"arn:aws:sts::000000000000:assumed-role/ServiceRole/{name}"


def _calls(report: dict[str, Any], execution: str) -> list[str]:
    (found,) = [each for each in report["Executions"] if each["Execution"] == execution]
    return [call["Call"] for call in found["Calls"]]


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_session_under_an_executions_id_is_outside(company: Company, region: str) -> None:
    execution = company.execution(_looking(company))
    taken = company.session(execution, region)
    company.sandbox.client("ec2", taken).describe_vpcs()

    report = company.audit(execution, status=1)

    used = ("ec2:DescribeVpcs", _session_of(execution))
    opened = f"{_EVE} opened a session of this name in {region}"
    assert (*used, opened) in _outside(report)
    assert _calls(report, execution) == ["ec2:DescribeInstances"]
    assert _outside(company.audit(status=1))[-1] == (*used, opened)


def test_session_under_an_executions_id_that_acts_through_cloudformation_is_outside(
    company: Company,
) -> None:
    execution = company.execution(_looking(company))
    taken = company.session(execution)
    company.sandbox.client("cloudformation", taken).create_stack(
        StackName="Evil", TemplateBody=json.dumps(_TEMPLATE)
    )
    time.sleep(0.5)

    report = company.audit(execution, status=1)

    assert {call for call, _, _ in _outside(report)} == {
        "sts:AssumeRole",
        "cloudformation:CreateStack",
        "sns:CreateTopic",
    }
    assert _calls(report, execution) == ["ec2:DescribeInstances"]


def test_stack_that_an_execution_makes_is_its_own(company: Company) -> None:
    """The twin: CloudFormation signs with a key of its own for the execution's session."""
    inputs = {"Service": "cloudformation", "Api": "CreateStack", "StackName": "Good"}
    step = {
        "name": "make",
        "action": "aws:executeAwsApi",
        "inputs": {**inputs, "TemplateBody": json.dumps(_TEMPLATE)},
    }
    execution = company.execution(company.runbook("Make", step, assumeRole=company.service_role))
    time.sleep(0.5)

    report = company.audit(status=0)

    assert _calls(report, execution) == ["cloudformation:CreateStack", "sns:CreateTopic"]


def test_assume_role_of_somebody_elses_execution_is_outside(company: Company) -> None:
    """Its source and ``invokedBy`` are Automation's: the step of a document made the call."""
    victim = company.execution(_looking(company))
    inputs = {"Service": "sts", "Api": "AssumeRole", "RoleArn": company.service_role}
    step = {
        "name": "take",
        "action": "aws:executeAwsApi",
        "inputs": {**inputs, "RoleSessionName": victim},
        "outputs": [{"Name": "Key", "Selector": "$.Credentials.AccessKeyId", "Type": "String"}],
    }
    company.runbook("Take", step)
    company.execution("Take", company.eve)

    report = company.audit(victim, status=1)

    assert _outside(report) == [
        ("sts:AssumeRole", _EVE, "the session was not opened by Systems Manager Automation")
    ]
    assert _calls(report, victim) == ["ec2:DescribeInstances"]


@pytest.mark.parametrize("hidden", ["kept", "deleted", "made anew with a role"])
def test_execution_without_a_role_comes_first(company: Company, hidden: str) -> None:
    step = {"name": "look", "action": "aws:executeAwsApi", "inputs": _LOOK}
    company.runbook("Borrow", step)
    execution = company.execution("Borrow", company.eve)
    if hidden != "kept":
        company.client("ssm").delete_document(Name="Borrow")
    if hidden == "made anew with a role":
        time.sleep(1)
        company.runbook("Borrow", step, assumeRole=company.service_role)

    report = company.audit(status=1)

    assert [
        (each["Execution"], each["StartedBy"], [(c["Call"], c["By"]) for c in each["Calls"]])
        for each in report["ExecutionsWithoutRole"]
    ] == [(execution, _EVE, [("ec2:DescribeInstances", _EVE)])]
    assert report["Executions"] == []
    assert company.audit(execution, status=1)["ExecutionsWithoutRole"]


def test_caller_who_names_a_session_like_an_execution_does_not_hide_what_was_lent(
    company: Company,
) -> None:
    document = company.runbook(
        "Borrow", {"name": "look", "action": "aws:executeAwsApi", "inputs": _LOOK}
    )
    company.role("Person", "*", eve=True)
    name = company.execution(_looking(company))
    opened = company.sandbox.client("sts", company.eve).assume_role(
        RoleArn="arn:aws:iam::000000000000:role/Person", RoleSessionName=name
    )
    company.client("iam").update_assume_role_policy(
        RoleName="Person", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []})
    )
    company.execution(document, opened["Credentials"])

    report = company.audit(status=1)

    (lent,) = report["ExecutionsWithoutRole"]
    assert [call["Call"] for call in lent["Calls"]] == ["ec2:DescribeInstances"]


def test_execution_that_began_earlier_keeps_its_calls(company: Company) -> None:
    waiting = {"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT3S"}}
    look = {"name": "look", "action": "aws:executeAwsApi", "inputs": _LOOK}
    company.runbook("Child", waiting, look, assumeRole=company.service_role)
    child = {
        "name": "child",
        "action": "aws:executeAutomation",
        "inputs": {"DocumentName": "Child"},
    }
    company.runbook("Parent", child, assumeRole=company.service_role)
    lending = company.runbook("Borrow", waiting, look)
    executions = [company.started("Parent"), company.started(lending, company.eve)]
    time.sleep(1.5)
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    for execution in executions:
        company.ended(execution)

    report = company.audit("--since", since, status=1)

    assert report["CallsOutsideExecutions"] == []
    assert {each["BeganEarlier"] for each in report["Executions"]} == {True}
    calls = {e["Runbook"]: [c["Call"] for c in e["Calls"]] for e in report["Executions"]}
    assert calls["Child"] == ["ec2:DescribeInstances"]
    (lent,) = report["ExecutionsWithoutRole"]
    assert (lent["Runbook"], lent["BeganEarlier"]) == ("Borrow", True)
    assert [call["Call"] for call in lent["Calls"]] == ["ec2:DescribeInstances"]


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_execution_of_another_region_is_known_there(company: Company, region: str) -> None:
    """IAM records its calls in us-east-1, whichever Region an execution is in."""
    ssm = company.sandbox.client("ssm", region="eu-west-1")
    inputs = {"Service": "iam", "Api": "ListUsers"}
    step = {"name": "look", "action": "aws:executeAwsApi", "inputs": inputs}
    content = {"schemaVersion": "0.3", "mainSteps": [step], "assumeRole": company.service_role}
    ssm.create_document(
        Name="Look-Elsewhere", DocumentType="Automation", Content=json.dumps(content)
    )
    started = ssm.start_automation_execution(DocumentName="Look-Elsewhere")
    execution = str(started["AutomationExecutionId"])
    time.sleep(1)

    report = company.audit("--region", region, status=0)

    assert report["CallsOutsideExecutions"] == []
    if region == "eu-west-1":
        assert _calls(report, execution) == ["iam:ListUsers"]


def test_stolen_session_is_reported_long_after_its_execution(company: Company) -> None:
    """The calls of an execution's sessions are read for as long as a session lasts."""
    execution = company.execution(_looking(company))
    company.sandbox.client("ec2", company.session("holiday")).describe_vpcs()
    company.sandbox.client("ec2", company.session(execution)).describe_vpcs()

    report = company.audit(execution, status=1)

    assert "ec2:DescribeVpcs" in [call for call, _, _ in _outside(report)]


def test_signal_that_names_no_execution_ends_no_audit(company: Company) -> None:
    execution = company.execution(_looking(company))
    for body in ({}, {"AutomationExecutionId": "abc", "SignalType": "Approve"}):
        with pytest.raises(ClientError):
            _sending(company.client("ssm"), body).send_automation_signal(
                AutomationExecutionId=execution, SignalType="Approve"
            )

    report = company.audit(status=0)

    assert [call["Call"] for call in report["Refused"]] == ["ssm:SendAutomationSignal"] * 2
    assert [each["Execution"] for each in report["Executions"]] == [execution]


def _sending(client: Any, body: dict[str, Any]) -> Any:
    """The client, whose calls have this body, whatever its model says."""
    client.meta.events.register(
        "before-call.ssm", lambda params, **_: params.update(body=json.dumps(body).encode())
    )
    return client


def test_execution_without_a_role_after_the_window_is_none_of_it(company: Company) -> None:
    company.execution(_looking(company))
    time.sleep(1.1)
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    time.sleep(1.1)
    company.runbook("Borrow", {"name": "look", "action": "aws:executeAwsApi", "inputs": _LOOK})
    company.execution("Borrow", company.eve)

    report = company.audit("--until", until, status=0)

    assert len(report["Executions"]) == 1


@pytest.mark.parametrize("is_excepted", [False, True])
def test_excepted_role_stays_excepted_if_an_execution_uses_it(
    company: Company, is_excepted: bool
) -> None:
    company.execution(_looking(company))
    company.sandbox.client("ec2", company.session("holiday")).describe_vpcs()

    excepted = ("--except-role", "ServiceRole") if is_excepted else ()

    assert bool(_outside(company.audit(*excepted))) is not is_excepted


def test_role_is_named_with_its_path_or_arn(company: Company) -> None:
    for name in ("Old", "team/Old", "arn:aws:iam::000000000000:role/team/Old"):
        assert "Old" in company.audit("--role", name, status=0)["WatchedRoles"]


def test_deeply_nested_parameters_of_somebody_end_no_audit(company: Company) -> None:
    company.execution(_looking(company))
    deep: Any = "x"
    for _ in range(300):
        deep = {"Name": deep}
    ssm = _sending(company.sandbox.client("ssm", company.eve), {"Name": "x", "Foo": deep})
    with contextlib.suppress(ClientError):
        ssm.describe_document(Name="abc")

    assert len(company.audit(status=0)["Executions"]) == 1


@pytest.mark.parametrize("stream", ["1", "2"])
def test_closed_stream_is_no_finding(company: Company, stream: str) -> None:
    command = f"{shlex.quote(sys.executable)} -m operate audit {stream}>&-"
    done = subprocess.run(
        ["sh", "-c", command],
        env={**base(), **company.root},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 74
    assert "Traceback" not in done.stderr


def test_role_that_no_document_names_any_more_is_watched(company: Company) -> None:
    company.sandbox.client("ec2", company.session("holiday")).describe_vpcs()

    report = company.audit(status=1)

    assert [(call, why) for call, _, why in _outside(report)] == [
        ("sts:AssumeRole", "the session was not opened by Systems Manager Automation"),
        ("ec2:DescribeVpcs", "the session name is not an execution id"),
    ]
    assert "ServiceRole" in report["WatchedRoles"]
    assert company.audit("--except-role", "ServiceRole", status=0)["WatchedRoles"] == []


def test_role_that_an_execution_used_is_watched_whatever_its_trust_says_now(
    company: Company,
) -> None:
    company.execution(_looking(company))
    company.sandbox.client("ec2", company.session("holiday")).describe_vpcs()
    company.client("iam").update_assume_role_policy(
        RoleName="ServiceRole",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}),
    )

    report = company.audit(status=1)

    assert report["WatchedRoles"] == []
    assert [call for call, _, _ in _outside(report)] == ["sts:AssumeRole", "ec2:DescribeVpcs"]


def test_audit_of_an_execution_shows_that_execution_only(company: Company) -> None:
    one = company.execution(_looking(company))
    other = company.execution("Look")
    company.sandbox.client("ec2", company.session("holiday")).describe_vpcs()
    company.sandbox.client("ec2", company.session(other)).describe_vpcs()
    company.runbook("Borrow", {"name": "look", "action": "aws:executeAwsApi", "inputs": _LOOK})
    company.execution("Borrow", company.eve)

    report = company.audit(one, status=0)

    assert [each["Execution"] for each in report["Executions"]] == [one]
    assert report["CallsOutsideExecutions"] == report["Refused"] == []
    assert report["ExecutionsWithoutRole"] == []


def test_every_resource_is_shown_ids_before_names(company: Company) -> None:
    ids = [f"i-{number:017x}" for number in range(30)]
    inputs = {"Service": "ec2", "Api": "StopInstances", "InstanceIds": ids}
    step = {"name": "stop", "action": "aws:executeAwsApi", "inputs": inputs}
    company.runbook("Stop", step, assumeRole=company.service_role)
    execution = company.execution("Stop")

    (call,) = company.audit(execution)["Executions"][0]["Calls"]
    text = in_a_pipe(company.root, "audit", execution, status=None).text

    assert call["On"] == ids
    assert f"{ids[19]} and 10 more (--output json lists all)" in text


_ODD = "\n=1\x1b[2K\u202egnp\u200b\u2066\ufeff"


def test_characters_that_do_not_show_are_escaped(company: Company) -> None:
    document = company.runbook(
        "Text",
        {"name": "rest", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}},
        parameters={"Text": {"type": "String"}},
        assumeRole=company.service_role,
    )
    company.execution(document, Text=[_ODD])
    company.execution(document, Text=["\uff1dHYPERLINK(1)"])
    company.execution(document, Text=["x;=1+1"])

    outputs = {
        form: in_a_pipe(company.root, "audit", "--output", form).text
        for form in ("table", "json", "csv")
    }

    for text in outputs.values():
        assert not re.search("[\x1b\u202e\u200b\u2066\ufeff]", text)
    values = [each["Parameters"]["Text"] for each in json.loads(outputs["json"])["Executions"]]
    assert sorted(values) == sorted([[_ODD], ["\uff1dHYPERLINK(1)"], ["x;=1+1"]])
    assert "Text=x;'=1+1" in outputs["csv"]
    assert r"Text=\n=1\u001b[2K\u202egnp\u200b\u2066\ufeff" in outputs["csv"]


def test_failed_audit_leaves_the_page_of_the_last_one(company: Company, tmp_path: Path) -> None:
    page = tmp_path / "audit.html"
    page.write_text("the last one", "utf-8")
    nobody = "00000000-0000-0000-0000-000000000000"

    in_a_pipe(company.root, "audit", nobody, "--html", str(page), status=2)

    assert page.read_text("utf-8") == "the last one"
    assert [*tmp_path.iterdir()] == [page]


def test_page_that_cannot_be_written_leaves_the_last_one(company: Company, tmp_path: Path) -> None:
    company.execution(_looking(company))
    page = tmp_path / "audit.html"
    page.write_text("the last one", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "operate", "audit", "--html", str(page)],
        env={**base(), **company.root},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )

    assert (done.returncode, done.stdout) == (74, "")
    assert "error: the output could not be written: File too large" in done.stderr
    assert page.read_text("utf-8") == "the last one"
    assert [*tmp_path.iterdir()] == [page]


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_output_that_cannot_be_written_is_no_finding(company: Company, form: str) -> None:
    company.execution(_looking(company))
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "operate", "audit", "--output", form],
            env={**base(), **company.root},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 74
    assert "error: the output could not be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_reader_who_leaves_is_no_finding(company: Company) -> None:
    for number in range(3):
        company.execution(_looking(company, f"Look{number}"))
    audit = subprocess.Popen(
        [sys.executable, "-m", "operate", "audit"],
        env={**base(), **company.root},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert audit.stdout is not None
    audit.stdout.close()
    errors = audit.communicate(timeout=60)[1]

    assert audit.returncode == 74
    assert "Traceback" not in errors
    assert "Exception" not in errors
