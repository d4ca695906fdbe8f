"""The workflows' make targets, in their order, in jobs that GitHub vouches for."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from tests.pipeline.checkout import RUNBOOK, TAG, Checkout
from tests.pipeline.github import GitHub

pytestmark = [pytest.mark.sandbox, pytest.mark.command]

_MERGE = "refs/pull/1/merge"
_STACKS = ("AdministrationStack", "AuditStack", "PipelineStack", "RunbooksStack")


def _reviewed(checkout: Checkout, github: GitHub) -> subprocess.CompletedProcess[str]:
    """The job *review* of the last commit; what it found is left in cdk.out."""
    job = github.job("pull_request", ref=_MERGE)
    return checkout.make("review", "BASE=HEAD^1", job=job)


def _digest(checkout: Checkout) -> str:
    return checkout.make("--silent", "digest", job={}).stdout.strip()


def _document(account: Sandbox) -> dict[str, Any]:
    answer = account.client("ssm").get_document(Name="Restart-EC2InstanceDemo")
    content: dict[str, Any] = json.loads(answer["Content"])
    return content


def test_runbook_is_reviewed_merged_and_deployed_as_it_was_reviewed(
    checkout: Checkout, github: GitHub, account: Sandbox, tmp_path: Path
) -> None:
    checkout.git("switch", "--quiet", "--create", "proposal")
    path = checkout.folder / RUNBOOK
    path.write_text(json.dumps({**json.loads(path.read_text()), "description": "Restarts"}))
    checkout.commit("Describe the restart")

    # review.yml, the job review: by change set, as a role that can change nothing.
    done = _reviewed(checkout, github)
    assert done.returncode == 0, done.stdout + done.stderr
    printed = done.stdout
    assert "Nobody gains or loses anything." in printed
    assert "| `RunbooksStack` | `RestartEC2InstanceDemo (AWS::SSM::Document)` |" in printed
    assert "[+] Restarts" in printed
    assert "cdk diff of AdministrationStack in us-east-1 of 000000000000: no differ" in printed
    cloudformation = account.client("cloudformation")
    for stack in _STACKS:
        change_sets = cloudformation.list_change_sets(StackName=stack)["Summaries"]
        assert not [c for c in change_sets if c["ChangeSetName"].startswith("cdk-diff")]

    # The job report, twice: one comment, readable on one screen.
    for _ in range(2):
        done = checkout.make("report", job={**github.api(), **github.event(tmp_path)})
        assert done.returncode == 0, done.stdout + done.stderr
    (comment,) = github.comments
    assert "✅ Nobody gains access." in comment["body"]
    assert len(comment["body"].split("<details>")[0].splitlines()) <= 25

    # deploy.yml, the job plan: main after the merge is what was reviewed.
    digest = _digest(checkout)
    checkout.git("switch", "--quiet", "main")
    checkout.git("merge", "--quiet", "--ff-only", "proposal")
    assert checkout.make("synth", job={}).returncode == 0
    assert digest == _digest(checkout)
    planned = checkout.make("--silent", "plan", job=github.job("ref:refs/heads/main"))
    assert planned.stdout == "administration=false\nrunbooks=true\n", planned.stderr
    reviewed = shutil.move(checkout.folder / "cdk.out", tmp_path / "reviewed")

    # The job runbooks, through its environment.
    deployed = checkout.make(
        *("deploy", f"ASSEMBLY={reviewed}", "ONLY=runbooks", f"DIGEST={digest}"),
        job=github.job("environment:runbooks"),
    )
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    assert "RunbooksStack in us-east-1 of 000000000000: UPDATE_COMPLETE" in deployed.stdout
    assert _document(account)["description"] == "Restarts"

    # The job administration may deploy all three, and finds nothing left to do.
    again = checkout.make(
        *("deploy", f"ASSEMBLY={reviewed}", f"DIGEST={digest}"),
        job=github.job("environment:administration"),
    )
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.count("(no changes)") == 3

    # The tags of cdk.json are on all that workstation and pipeline deployed, and on documents.
    for stack in _STACKS:
        (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        assert found["Tags"] == [TAG]
    listed = account.client("ssm").list_tags_for_resource(
        ResourceType="Document", ResourceId="Restart-EC2InstanceDemo"
    )
    assert TAG in listed["TagList"]
    for role in ("AutomationServiceRole", "PipelineReviewRole"):
        assert account.client("iam").list_role_tags(RoleName=role)["Tags"].count(TAG) == 1


def test_gain_of_access_fails_the_check_until_the_lock_accepts_it(
    checkout: Checkout, github: GitHub, tmp_path: Path
) -> None:
    checkout.git("switch", "--quiet", "--create", "gaining")
    checkout.edit("deployments.py", "operators=(", 'operators=(ExistingRole("OnCall"), ')
    checkout.edit("deployments.py", "GitHubPipeline,", "ExistingRole, GitHubPipeline,")

    refused = checkout.make("check", job={})
    accepted = checkout.make("accept", job={})
    passed = checkout.make("check", job={})

    gained = "operator OnCall can do ssm:StartAutomationExecution on"
    assert refused.returncode != 0
    assert f"gained: {gained}" in refused.stderr
    assert f"+ {gained}" in accepted.stdout
    assert passed.returncode == 0, passed.stdout + passed.stderr
    checkout.commit("OnCall runs runbooks")
    changed = checkout.git("show", "--name-only", "--format=").splitlines()
    assert changed == ["access.lock.md", "deployments.py"]

    reviewed = _reviewed(checkout, github)
    reported = checkout.make("report", job={**github.api(), **github.event(tmp_path)})

    assert reviewed.returncode == 0, reviewed.stdout + reviewed.stderr
    assert "OnCall gains ssm:StartAutomationExecution" in reviewed.stdout
    assert "⚠️ **This change gains access.**" in reported.stdout
    checkout.git("switch", "--quiet", "main")
