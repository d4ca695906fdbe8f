"""The app as a command: what it writes, and what a user's mistake makes of it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from delegation.runbooks.runbook import runbook_files

_INSTANCES = "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:instance/*"

Run = Callable[..., subprocess.CompletedProcess[str]]

_DEPLOYMENT = """
from delegation.model import Deployment, IamUser, ServiceRole

DEPLOYMENTS = (
    Deployment(
        operators=(IamUser({operator!r}),),
        service_roles=(ServiceRole(name="AutomationServiceRole", runbooks=({runbook!r},)),),
    ),
)
"""


def _synthesize(project: Path, **context: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "CDK_OUTDIR": str(project / "cdk.out"),
        "CDK_CONTEXT_JSON": json.dumps(context),
    }
    return subprocess.run(
        [sys.executable, "app.py"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.command
def test_synthesis_writes_templates_and_answered_findings_without_a_word(project: Path) -> None:
    done = _synthesize(project)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    written = {path.name for path in (project / "cdk.out").glob("*.template.json")}
    assert {"AdministrationStack.template.json", "RunbooksStack.template.json"} == written
    report = json.loads((project / "cdk.out/validation-report.json").read_text())
    suppressed = [
        violation
        for plugin in report["pluginReports"]
        for violation in plugin.get("suppressedViolations", ())
    ]
    assert len(suppressed) == 8
    assert "the guide attaches AmazonSSMAutomationRole" in json.dumps(suppressed)


@pytest.mark.command
def test_guide_profile_of_the_command_line_holds_whatever_deployments_says(project: Path) -> None:
    (project / "deployments.py").write_text(
        """
from delegation.model import Deployment, ExistingRole, ServiceRole

DEPLOYMENTS = (
    Deployment(
        account="111122223333",
        regions=("eu-west-1",),
        operators=(ExistingRole("OnCall"),),
        service_roles=(ServiceRole(name="Other", runbooks=("Restart-EC2InstanceDemo",)),),
    ),
)
"""
    )

    done = _synthesize(project, profile="guide")

    assert (done.returncode, done.stderr) == (0, "")
    template = json.loads((project / "cdk.out/AdministrationStack.template.json").read_text())
    (policy,) = [
        r["Properties"]["PolicyDocument"]
        for r in template["Resources"].values()
        if r["Properties"].get("ManagedPolicyName") == "OperatorRestrictedPermissions"
    ]
    assert policy["Statement"][0]["Resource"] == ["*"]


_MISTAKES = {
    "unknown runbook": (
        _DEPLOYMENT.format(operator="operator", runbook="Restart-EC2Instnace"),
        "error: runbook 'Restart-EC2Instnace' is not in documents/; "
        f"known: {', '.join(sorted(runbook_files()))}; nearest: Restart-EC2InstanceDemo "
        "(deployments.py)\n",
    ),
    "wrong operator": (
        _DEPLOYMENT.format(operator="two words", runbook="Restart-EC2InstanceDemo"),
        "error: user 'two words' is not an IAM name of 1 to 64 letters, digits or +=,.@_- "
        "(deployments.py)\n",
    ),
    "misspelt field": (
        "from delegation.model import Deployment\n\nDEPLOYMENTS = (Deployment(operator=()),)\n",
        "error: deployments.py:3: Deployment has no field 'operator'; fields: operators, "
        "service_roles, teams, schedules, authors, pipeline, audit, account, regions, wave, "
        "profile, termination_protection, name_prefix, iam_path, own_executions, tags, own_mfa, "
        "require_mfa, permissions_boundary, bootstrap; nearest: operators\n",
    ),
    "misspelt name": (
        "DEPLOYMENTS = (Deployment(),)\n",
        "error: deployments.py:1: Deployment is not imported: "
        "from delegation.model import Deployment\n",
    ),
    "broken grammar": (
        "DEPLOYMENTS = (\n",
        "error: deployments.py:1: '(' was never closed\n",
    ),
    "no comma after the one deployment": (
        _DEPLOYMENT.format(operator="operator", runbook="Restart-EC2InstanceDemo").replace(
            "    ),\n)", "    )\n)"
        ),
        "error: DEPLOYMENTS is one Deployment and not a tuple of them: write a comma after it, as "
        "in DEPLOYMENTS = (Deployment(…),) (deployments.py)\n",
    ),
    "no deployments at all": (
        "DEPLOYMENTS = None\n",
        "error: DEPLOYMENTS is None; write a tuple of deployments, as in DEPLOYMENTS = "
        "(Deployment(…),) (deployments.py)\n",
    ),
    "missing variable": (
        'import os\n\nACCOUNT = os.environ["TARGET_ACCOUNT"]\n',
        "error: deployments.py:3: the environment variable TARGET_ACCOUNT is not set; set it first"
        "\n",
    ),
    "missing key": (
        'ACCOUNT = {}["production"]\n',
        "error: deployments.py:1: there is no key 'production'\n",
    ),
    "assertion without a text": (
        "assert 1 == 2\n",
        "error: deployments.py:1: AssertionError\n",
    ),
    "end of the program": (
        "raise SystemExit(1)\n",
        "error: deployments.py:1: it ends the program, with status 1; raise an error with a text "
        "instead\n",
    ),
    "no DEPLOYMENTS": (
        "DEPLOYMENT = ()\n",
        "error: deployments.py: module 'deployments' has no attribute 'DEPLOYMENTS'\n",
    ),
}


@pytest.mark.parametrize("case", _MISTAKES)
def test_mistake_in_deployments_is_one_line_and_leaves_no_output(project: Path, case: str) -> None:
    text, message = _MISTAKES[case]
    (project / "deployments.py").write_text(text)

    done = _synthesize(project)

    assert (1, "", message) == (done.returncode, done.stdout, done.stderr)
    assert not (project / "cdk.out").exists()


def test_mistake_in_a_document_is_reported_and_leaves_no_output(project: Path) -> None:
    (project / "documents/Restart-EC2InstanceDemo.json").write_text("{")

    done = _synthesize(project)

    assert (done.returncode, done.stderr) == (
        1,
        "error: the check of documents/ found:\n"
        "  documents/Restart-EC2InstanceDemo.json:1:2: is not JSON: expecting property name "
        "enclosed in double quotes; a document is one JSON or YAML object [unreadable]\n",
    )
    assert not (project / "cdk.out").exists()


def test_unknown_profile_is_refused(project: Path) -> None:
    done = _synthesize(project, profile="strict")

    message = (
        "error: profile 'strict' is not one of guide, least-privilege "
        "(deployments.py or -c profile=…)\n"
    )
    assert (1, message) == (done.returncode, done.stderr)
    assert not (project / "cdk.out").exists()


def test_author_cannot_raise_the_ceiling_by_editing_a_runbook(project: Path, run: Run) -> None:
    document = project / "documents/Restart-EC2InstanceDemo.json"
    document.write_text(document.read_text().replace('"stopped"', '"terminated"'))

    refused = _synthesize(project)
    tried = run("-m", "delegation", "accept", "--dry-run")
    accepted = run("-m", "delegation", "accept")
    again = run("-m", "delegation", "accept")

    gained = (
        f"+ AutomationServiceRole (any-account) gains ec2:TerminateInstances on {_INSTANCES}, "
        "for Restart-EC2InstanceDemo/stopInstances\n"
    )
    lost = (
        f"- AutomationServiceRole (any-account) loses ec2:StopInstances on {_INSTANCES}, "
        "was for Restart-EC2InstanceDemo/stopInstances\n"
    )
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        "error: permissions.lock.json does not accept what the runbooks need:\n"
        f"  {gained}  {lost}"
        "the administrator reviews this and runs: python -m delegation accept\n"
    )
    assert not (project / "cdk.out").exists()
    kept, written = "permissions.lock.json stays as it is\n", "written: permissions.lock.json\n"
    assert (0, gained + lost + kept) == (tried.returncode, tried.stdout)
    assert (0, gained + lost + written) == (accepted.returncode, accepted.stdout)
    assert again.stdout == "nothing changed: permissions.lock.json is up to date\n"


@pytest.mark.command
def test_open_finding_fails_the_synthesis_without_a_traceback(project: Path) -> None:
    acknowledgement = project / "stacks/acknowledgement.py"
    acknowledgement.write_text(acknowledgement.read_text().replace("if reasons:", "if False:"))

    done = _synthesize(project)

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: open findings, reported in full in ")
    assert "AwsSolutions-SMG4 on AdministrationStack/OperatorAccess/Users/" in done.stderr
    left = [path.name for path in (project / "cdk.out").iterdir()]
    assert left == ["validation-report.json"]


@pytest.mark.command
def test_new_runbook_is_one_file_one_name_and_the_accepted_lock(project: Path, run: Run) -> None:
    """The newcomer's first task: nothing under stacks/ or delegation/ changes."""
    step = {
        "name": "stop",
        "action": "aws:changeInstanceState",
        "inputs": {"InstanceIds": "{{ InstanceId }}", "DesiredState": "stopped"},
    }
    parameters = {"InstanceId": {"type": "List<AWS::EC2::Instance::Id>"}}
    content = {"schemaVersion": "0.3", "parameters": parameters, "mainSteps": [step]}
    (project / "documents/Stop-Instance.json").write_text(json.dumps(content))
    deployments = project / "deployments.py"
    deployments.write_text(
        deployments.read_text().replace(
            '"Restart-EC2InstanceDemo",', '"Restart-EC2InstanceDemo", "Stop-Instance",'
        )
    )
    run("-m", "delegation", "accept")

    done = _synthesize(project)

    assert (done.returncode, done.stderr) == (0, "")
    template = json.loads((project / "cdk.out/RunbooksStack.template.json").read_text())
    names = {r["Properties"]["Name"] for r in template["Resources"].values()}
    assert {"Restart-EC2InstanceDemo", "Stop-Instance"} == names
