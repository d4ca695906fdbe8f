"""What approvers see: what waits for them, and what they approve."""

import json
import time

import pytest

from tests.operate.conftest import BACKUP, Account, readable
from tests.operate.proxy import lost_on_the_way_back, proxied
from tests.operate.terminal import in_a_pipe, on_a_terminal

pytestmark = pytest.mark.sandbox


def test_approvals_lists_what_waits_for_the_caller(account: Account) -> None:
    execution = account.waiting()
    others = {"name": "ask", "action": "aws:approve", "inputs": {"Approvers": ["somebody"]}}
    account.runbook("Asks-Somebody", others)
    other = account.client("ssm").start_automation_execution(DocumentName="Asks-Somebody")

    mine = in_a_pipe(account.approver, "approvals")
    everybodys = in_a_pipe(account.approver, "approvals", "--all", "--output", "json")
    of_operator = in_a_pipe(account.operator, "approvals")
    account.stop(other["AutomationExecutionId"])
    account.stop(execution)

    heading, row = mine.text.splitlines()
    assert heading.split() == [
        *("runbook", "version", "started", "by", "reason", "waits", "approvals", "run")
    ]
    assert row.split()[:3] == [BACKUP, "1", "AutomationRestrictedOperator"]
    assert row.split()[-4:] == ["0", "of", "1", execution]
    assert mine.errors == "for others wait: 1; --all shows them\n"
    waiting = {each["AutomationExecutionId"]: each for each in json.loads(everybodys.text)}
    assert set(waiting) == {execution, other["AutomationExecutionId"]}
    assert waiting[execution]["Approvers"] == ["arn:aws:iam::000000000000:user/lead"]
    assert "nothing in us-east-1 waits for your approval" in of_operator.errors


def test_approver_sees_parameters_steps_limits_and_what_has_changed(account: Account) -> None:
    ssm = account.client("ssm")
    document = json.loads(ssm.get_document(Name=BACKUP)["Content"])
    document["description"] = "Makes an image and keeps it"
    changed = ssm.update_document(
        Name=BACKUP, Content=json.dumps(document), DocumentVersion="$LATEST"
    )["DocumentDescription"]["DocumentVersion"]
    ssm.update_document_default_version(Name=BACKUP, DocumentVersion=changed)
    execution = account.waiting()

    printed = on_a_terminal(
        account.approver, "approve", execution[:8], answers=[("[y/N]", "n\n")], status=2, rows=80
    )
    account.stop(execution)
    ssm.update_document_default_version(Name=BACKUP, DocumentVersion="1")

    shown = readable(printed.text)
    assert shown.splitlines()[:4] == [
        f"{BACKUP}, version {changed}, started by AutomationRestrictedOperator",
        "  run ID",
        "  waits since TIME, approvals 0 of 1",
        "  InstanceId: i-…",
    ]
    for part in (
        f"  {BACKUP} waits for your approval\n",
        "  See and answer it: operate approve ID --region us-east-1\n",
        "runs as arn:aws:iam::000000000000:role/BackupRole\n",
        "  createImage (aws:createImage)",
        "  approval by at least 1 of lead\n",
        f"{BACKUP}: changes of version {changed} since version {int(changed) - 1}\n",
        '+  "description": "Makes an image and keeps it",\n',
    ):
        assert part in shown
    assert shown.endswith("error: nothing was done")


def test_approve_without_an_id_offers_what_waits(account: Account) -> None:
    execution = account.waiting()

    listed = in_a_pipe(account.approver, "reject", status=2)
    printed = on_a_terminal(
        account.approver,
        "reject",
        answers=[("reject which?", "7\n"), ("neither one of them", "1\n"), ("[y/N]", "y\n")],
        rows=80,
    )

    assert listed.errors == f"error: give the ID of what you reject:\n  {execution} {BACKUP}\n"
    assert f"python -m operate watch {execution}" in printed.text
    in_a_pipe(account.operator, "watch", execution, status=3)
    nothing = in_a_pipe(account.approver, "approve", status=2)
    assert nothing.errors == "error: nothing in us-east-1 waits for your approval\n"


def test_what_an_approver_may_not_read_is_said(account: Account) -> None:
    execution = account.waiting()
    keys = ("ssm:GetAutomationExecution", "ssm:SendAutomationSignal")
    somebody = account.person("half-blind", *keys)

    printed = on_a_terminal(
        somebody, "approve", execution, answers=[("[y/N]", "n\n")], status=2, rows=80
    )
    account.stop(execution)

    assert f"steps, limits and changes of {BACKUP} are not shown:" in printed.text
    assert "not authorized to perform: ssm:GetDocument" in " ".join(printed.text.split())


def _asking_twice(account: Account, name: str) -> str:
    """The id of a run of two approvals, of which the first waits."""
    asks = [
        {"name": step, "action": "aws:approve", "inputs": {"Approvers": ["lead"], "Message": step}}
        for step in ("first", "second")
    ]
    account.runbook(name, *asks)
    started = account.client("ssm").start_automation_execution(DocumentName=name)
    return str(started["AutomationExecutionId"])


def _statuses(account: Account, execution: str) -> list[str]:
    run = account.client("ssm").get_automation_execution(AutomationExecutionId=execution)
    return [step["StepStatus"] for step in run["AutomationExecution"]["StepExecutions"]]


def test_answer_that_is_lost_is_not_given_to_the_next_step(account: Account) -> None:
    execution = _asking_twice(account, "Asks-Twice-Lost")
    with proxied(account.sandbox) as proxy:
        proxy.faults["SendAutomationSignal"] = [lost_on_the_way_back]

        printed = in_a_pipe(
            account.approver, "approve", execution, "--endpoint-url", proxy.url, status=4
        )

    statuses = _statuses(account, execution)
    account.stop(execution)
    assert statuses == ["Success", "Waiting"]
    assert (
        "it is not known whether the answer arrived; see before you answer again" in printed.errors
    )


def test_answer_is_for_the_step_that_was_shown_and_no_other(account: Account) -> None:
    execution = _asking_twice(account, "Asks-Twice")

    def answered_elsewhere() -> str:
        in_a_pipe(account.approver, "approve", execution)
        return "y\n"

    printed = on_a_terminal(
        account.approver,
        *("approve", execution),
        answers=[("[y/N]", answered_elsewhere)],
        status=2,
        rows=80,
    )
    statuses = _statuses(account, execution)
    account.stop(execution)

    assert printed.text.endswith("error: first does not wait any more: nothing was answered")
    assert statuses == ["Success", "Waiting"]


def test_values_are_shown_whole_and_none_looks_like_another_parameter(account: Account) -> None:
    parameters = {"Commands": {"type": "StringList"}, "Reason": {"type": "String"}}
    ask = {"name": "ask", "action": "aws:approve", "inputs": {"Approvers": ["lead"]}}
    account.runbook("Runs-Commands", ask, parameters=parameters)
    commands = [*(f"echo {'x' * 500}" for _ in range(4)), "rm --recursive everything"]
    started = account.client("ssm").start_automation_execution(
        DocumentName="Runs-Commands",
        Parameters={"Commands": commands, "Reason": [f"fine{' ' * 200}Commands: ls"]},
    )

    shown = in_a_pipe(account.approver, "approve", started["AutomationExecutionId"]).text

    assert "  rm --recursive everything\n" in shown
    assert f'  Reason: "fine{" " * 200}Commands: ls"\n' in shown


def test_runbook_that_was_made_anew_is_not_taken_for_the_one_that_runs(account: Account) -> None:
    ask = {"name": "ask", "action": "aws:approve", "inputs": {"Approvers": ["lead"]}}
    account.runbook("Made-Anew", ask)
    ssm = account.client("ssm")
    execution = ssm.start_automation_execution(DocumentName="Made-Anew")["AutomationExecutionId"]
    time.sleep(1.1)  # the document has whole seconds
    ssm.delete_document(Name="Made-Anew")
    account.runbook("Made-Anew", ask, {**ask, "name": "other"})

    shown = in_a_pipe(account.root, "reject", execution, status=2).text
    account.stop(execution)

    assert "this version was made after the run began" in shown


@pytest.mark.parametrize(
    ("approvers", "least", "limit"),
    [
        (["arn:typo", "lead"], 1, "approval by at least 1 of arn:typo, lead"),
        ("{{ Who }}", "{{ Least }}", "approval by at least {{ Least }} of {{ Who }}"),
    ],
)
def test_odd_approvers_are_shown_as_they_are(
    account: Account, approvers: object, least: object, limit: str
) -> None:
    parameters = {
        "Who": {"type": "StringList", "default": ["lead"]},
        "Least": {"type": "Integer", "default": 1},
    }
    inputs = {"Approvers": approvers, "MinRequiredApprovals": least}
    name = f"Asks-Oddly-{len(str(least))}"
    step = {"name": "ask", "action": "aws:approve", "inputs": inputs}
    account.runbook(name, step, parameters=parameters)
    started = account.client("ssm").start_automation_execution(DocumentName=name)
    execution = started["AutomationExecutionId"]

    described = in_a_pipe(account.root, "describe", name).text
    listed = in_a_pipe(account.approver, "approvals").text
    answered = in_a_pipe(account.approver, "approve", execution).text

    assert limit in described
    assert execution in listed
    assert "approved; watch it:" in answered


def test_beginning_of_an_id_is_not_answered_without_a_terminal(account: Account) -> None:
    execution = account.waiting()

    refused = in_a_pipe(account.approver, "approve", execution[:8], status=2)
    answered = in_a_pipe(account.approver, "reject", execution, "--output", "json")

    assert refused.errors == (
        f"error: {execution[:8]!r} is the beginning of an id: without a terminal give all of it\n"
    )
    assert json.loads(answered.text) == {"AutomationExecutionId": execution, "SignalType": "Reject"}
    assert "rejected; watch it:" in answered.errors


def test_run_that_waits_for_nobody_is_not_answered(account: Account) -> None:
    account.runbook("Pauses", {"name": "pause", "action": "aws:pause", "inputs": {}})
    started = account.client("ssm").start_automation_execution(DocumentName="Pauses")

    printed = in_a_pipe(account.approver, "approve", started["AutomationExecutionId"], status=2)
    account.stop(started["AutomationExecutionId"])

    assert printed.errors == "error: the run does not wait for an approval: Waiting\n"
