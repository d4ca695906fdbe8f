"""``python -m delegation``: what its commands print and how they end."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from delegation.__main__ import main
from delegation.configuration import Configuration
from delegation.errors import DelegationError
from delegation.model import Approval, Deployment, GitHubPipeline, IamUser, ServiceRole
from delegation.runbooks.runbook import load_runbooks
from delegation.summary import who_in_lines, who_may_do_what
from tests.clone import EXAMPLE

_DOCUMENTS = EXAMPLE / "documents"
_RESTART = _DOCUMENTS / "Restart-EC2InstanceDemo.json"
Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command; its exit status and what it prints."""

    def run(*arguments: str | Path) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["delegation", *map(str, arguments)])
        status = 0
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
        return status, capsys.readouterr().out

    return run


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A runbook with one mistake."""
    path = tmp_path / "Broken.json"
    step = '{"name": "wait", "action": "aws:sleeps", "inputs": {}}'
    path.write_text(f'{{"schemaVersion": "0.3",\n"mainSteps": [{step}]}}', "utf-8")
    return path


def test_check_of_sound_runbooks_ends_well(command: Command) -> None:
    assert command("check", _RESTART) == (0, "1 runbook checked, nothing found\n")


def test_check_prints_findings_and_ends_with_1(command: Command, broken: Path) -> None:
    status, printed = command("check", broken, _RESTART)

    finding, summary = printed.splitlines()
    assert status == 1
    assert finding.startswith(f"{broken}:2:42: step wait: action: is 'aws:sleeps', no action; ")
    assert finding.endswith("; nearest: aws:sleep [action]")
    assert summary == "2 runbooks checked, 1 finding"


def test_check_gives_findings_as_json(command: Command, broken: Path) -> None:
    status, printed = command("check", "--format", "json", broken)

    (finding,) = json.loads(printed)
    assert status == 1
    del finding["allowed"]
    assert finding == {
        "file": str(broken),
        "line": 2,
        "column": 42,
        "rule": "action",
        "step": "wait",
        "field": "action",
        "found": "is 'aws:sleeps', no action",
        "nearest": "aws:sleep",
    }


def test_check_of_a_file_that_is_not_there_says_so(command: Command, tmp_path: Path) -> None:
    status, printed = command("check", tmp_path / "None.json")

    assert status == 1
    assert printed.startswith(
        f"{tmp_path}/None.json:1:1: cannot be read: No such file or directory"
    )


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (_DOCUMENTS, f"{str(_DOCUMENTS)!r} is a folder, not the file of a runbook"),
        (
            _DOCUMENTS / "Restart-EC2InstanceDemo.delegation.yaml",
            "documents/Restart-EC2InstanceDemo.delegation.yaml: is a sidecar; name the document "
            "that it stands beside",
        ),
    ],
)
def test_what_is_no_runbook_is_refused(command: Command, path: Path, message: str) -> None:
    with pytest.raises(DelegationError) as error:
        command("check", path)

    assert str(error.value) == message


def test_needs_are_printed_with_step_and_call(command: Command) -> None:
    instance = "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:instance/*"

    assert command("needs", _RESTART) == (
        0,
        f"""Restart-EC2InstanceDemo (documents/Restart-EC2InstanceDemo.json)
  UseEc2: *
    ec2:DescribeInstanceStatus, for step stopInstances: aws:changeInstanceState awaits the state; \
the call has no resource-level permission
    ec2:DescribeInstanceStatus, for step startInstances: aws:changeInstanceState awaits the state; \
the call has no resource-level permission
  UseEc2Instance: {instance}
    ec2:StopInstances, for step stopInstances: aws:changeInstanceState brings instances to stopped
    ec2:StartInstances, for step startInstances: aws:changeInstanceState brings instances to running
""",
    )


def test_needs_as_json_hold_statement_and_needs(command: Command) -> None:
    _, printed = command("needs", "--format", "json", _RESTART)

    first, second = json.loads(printed)
    assert (first["runbook"], first["statement"]["Action"], second["statement"]["Action"]) == (
        "Restart-EC2InstanceDemo",
        ["ec2:DescribeInstanceStatus"],
        ["ec2:StartInstances", "ec2:StopInstances"],
    )
    assert [need["step"] for need in second["needs"]] == ["stopInstances", "startInstances"]


def test_limits_stand_in_the_table_of_who_may_do_what() -> None:
    role = ServiceRole(
        name="Role",
        runbooks=(_RESTART.stem,),
        only_instances_tagged=("Automation", "allowed"),
        at_most_instances=5,
        approval=Approval(by=(IamUser("lead"), IamUser("boss")), at_least=2),
        calendar="Changes",
    )
    deployment = Deployment(operators=(IamUser("operator"),), service_roles=(role,))
    runbooks = load_runbooks(role.runbooks)

    table = who_may_do_what(Configuration(deployments=(deployment,), runbooks=runbooks))

    for row in (
        "| operator operator | **not** `ssm:SendAutomationSignal` | `*` | anyone who starts a run "
        "must not approve it, whatever else grants it |",
        "| service role Role | `ec2:StartInstances`, `ec2:StopInstances` | `instance/*`<br>where "
        "`aws:ResourceTag/Automation` StringEquals `allowed` | aws:changeInstanceState brings "
        "instances to stopped; aws:changeInstanceState brings instances to running |",
        "| service role Role | **not** `ec2:CreateTags`, `ec2:DeleteTags` | `*`<br>where "
        "`aws:TagKeys` ForAnyValue:StringEqualsIgnoreCase `Automation` | the tag Automation says "
        "which instances the role may act on |",
        "| service role Role | begin a run only when 2 of lead, boss approved | every runbook of "
        "the role | four eyes: nobody who starts a run can approve it |",
        "| service role Role | begin a run only while the Change Calendar Changes is open | "
        "every runbook of the role | the administrator's calendar |",
        "| service role Role | act on at most 5 instances in one child execution | every runbook "
        "of the role | refused at the start, before anything is touched; `Targets` or "
        "`TargetMaps` at a start multiply it, and IAM has no condition key for them |",
        "| service role Role | act on instances tagged Automation=allowed alone | every runbook of "
        "the role | a condition of the boundary; the role can neither set nor remove the tag |",
    ):
        assert row in table.splitlines()


def _table(**deployers: Any) -> str:
    """Who may do what in a deployment with these who deploy it."""
    role = ServiceRole(name="Role", runbooks=(_RESTART.stem,))
    deployment = Deployment(operators=(IamUser("operator"),), service_roles=(role,), **deployers)
    runbooks = load_runbooks(role.runbooks)
    return who_may_do_what(Configuration(deployments=(deployment,), runbooks=runbooks))


def test_pipelines_jobs_stand_in_the_table_by_their_subjects() -> None:
    table = _table(pipeline=GitHubPipeline(repositories=("octo-org/runbooks",)))

    for row in (
        "| jobs repo:octo-org/runbooks:environment:runbooks as PipelineRunbooksRole | "
        "`sts:AssumeRole` | `role/AuthorDeploymentRole`<br>`role/AuthorPublishingRole` | the trust "
        "of these roles names them; they need no policy |",
        "| jobs repo:octo-org/runbooks:environment:administration as PipelineAdministrationRole | "
        "`sts:AssumeRole` | `role/cdk-hnb659fds-deploy-role-ACCOUNT-REGION`<br>"
        "`role/cdk-hnb659fds-file-publishing-role-ACCOUNT-REGION` | the roles of cdk bootstrap "
        "that deploy the stacks of administrators, and with them anything |",
        "| jobs repo:octo-org/runbooks:pull_request, repo:octo-org/runbooks:ref:refs/heads/main as "
        "PipelineReviewRole | `cloudformation:DescribeStacks`, `cloudformation:GetTemplate` | "
        "`stack/PipelineStack/*`<br>`stack/AdministrationStack/*`<br>`stack/RunbooksStack/*` | "
        "what is deployed now |",
    ):
        assert row in table.splitlines()


def test_authors_stand_in_the_table_with_what_their_roles_may() -> None:
    table = _table(authors=("arn:aws:iam::111122223333:role/team/Authors",))

    for row in (
        "| author Authors | `sts:AssumeRole` | `role/AuthorDeploymentRole`<br>"
        "`role/AuthorPublishingRole` | the trust of these roles names them; they need no "
        "policy |",
        "| author's AuthorPublishingRole | `s3:AbortMultipartUpload`, `s3:GetObject`, "
        "`s3:PutObject` | `cdk-hnb659fds-assets-ACCOUNT-REGION/runbooks/*` | the templates of "
        "RunbooksStack and no other |",
        "| author's AuthorExecutionRole | `iam:PassRole` | `role/Role`<br>where "
        "`iam:PassedToService` StringEquals `ssm.amazonaws.com` | a document embeds its service "
        "role |",
    ):
        assert row in table.splitlines()


def test_qualifier_of_cdk_json_is_the_one_that_is_shown(
    project: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    deployments = project / "deployments.py"
    author = 'authors=("arn:aws:iam::111122223333:role/Authors",), account="111122223333",'
    text = deployments.read_text("utf-8")
    added = f'Deployment({author} regions=("eu-west-1",),'
    deployments.write_text(text.replace("    Deployment(", f"    {added}"), "utf-8")
    (project / "cdk.json").write_text(
        '{"app": "python3 app.py", "context": {"@aws-cdk/core:bootstrapQualifier": "acme-prod"}}'
    )

    printed = run("-m", "delegation", "who").stdout

    assert "cdk-acme-prod-assets-" in printed
    assert "hnb659fds" not in printed


def test_who_may_do_what_is_readable_on_a_terminal() -> None:
    role = ServiceRole(name="Role", runbooks=(_RESTART.stem,))
    deployment = Deployment(operators=(IamUser("alice"),), service_roles=(role,))
    runbooks = load_runbooks([_RESTART.stem], _DOCUMENTS)

    lines = who_in_lines(
        Configuration(deployments=(deployment,), runbooks=runbooks), 60
    ).splitlines()

    assert lines[:4] == [
        "operator alice",
        "  ssm:DescribeAutomationExecutions, ssm:ListDocuments",
        "      on *",
        "      neither list call has a resource-level permission",
    ]
    assert "service role Role" in lines
    assert max(map(len, lines)) <= 60
