"""The doctor as a command: before the first deployment, as a role with its policy, its outputs."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from account.aws import Aws
from account.doctor import examine
from account.findings import Finding, Harm
from account.policy import doctor_policy
from delegation.model import IamUser
from review.iam.engine import Engine
from tests.account.company import REGION, STACKS, WANTED, Company, allow, rule
from tests.clone import PROJECT
from tests.stacks.synthesis import RUNBOOK, deployment, written

pytestmark = pytest.mark.sandbox

DOCUMENTS = (RUNBOOK, "WebTier", "WebTier-Target")


def test_names_that_exist_before_the_first_deployment_are_found(
    company: Company, tmp_path: Path
) -> None:
    other = replace(WANTED, operators=(IamUser("mallory"),), name_prefix="acme-", audit=None)
    company.iam.create_user(UserName="mallory")
    try:
        with pytest.MonkeyPatch.context() as patched:
            for name, value in company.sandbox.environment().items():
                patched.setenv(name, value)
            found = examine(Aws(), written(other, tmp_path / "assembly"))
    finally:
        company.iam.delete_user(UserName="mallory")

    assert {each.what for each in found if each.is_fault} == {
        f"acme-PipelineStack in {REGION} does not stand",
        f"acme-AdministrationStack in {REGION} does not stand",
        f"acme-RunbooksStack in {REGION} does not stand",
        f"acme-SchedulesStack in {REGION} does not stand",
        f"user mallory exists already, and acme-AdministrationStack in {REGION} would make it",
        f"user lead exists already, and acme-AdministrationStack in {REGION} would make it",
        *(
            f"document {name} exists already, and acme-RunbooksStack in {REGION} would make it"
            for name in DOCUMENTS
        ),
    }


def _as(company: Company, *without: str) -> list[Finding]:
    """What the doctor finds as a user who holds its policy, without some actions."""
    document = doctor_policy()
    (statement,) = document["Statement"]
    statement["Action"] = [action for action in statement["Action"] if action not in without]
    company.iam.create_user(UserName="doctor")
    company.iam.put_user_policy(
        UserName="doctor", PolicyName="Doctor", PolicyDocument=json.dumps(document)
    )
    keys = company.iam.create_access_key(UserName="doctor")["AccessKey"]
    try:
        return [each for each in company.examined(keys=keys) if each.is_fault]
    finally:
        company.iam.delete_access_key(UserName="doctor", AccessKeyId=keys["AccessKeyId"])
        company.iam.delete_user_policy(UserName="doctor", PolicyName="Doctor")
        company.iam.delete_user(UserName="doctor")


def test_doctors_policy_changes_nothing() -> None:
    (statement,) = doctor_policy()["Statement"]
    with Engine() as engine:
        found = {name: engine.actions().get(name) for name in statement["Action"]}

    assert {level for each in found.values() if each for level in each.levels} <= {"List", "Read"}
    assert [name for name, each in found.items() if each is None] == []


def test_doctors_policy_is_enough(company: Company) -> None:
    assert _as(company) == []


@pytest.mark.parametrize(
    ("action", "what"),
    [
        ("iam:GetAccountAuthorizationDetails", {"IAM"}),
        (
            "ssm:ListDocumentVersions",
            {f"document {name} in {REGION}" for name in DOCUMENTS},
        ),
        ("scheduler:ListSchedules", {f"Group of SchedulesStack in {REGION}"}),
        ("sqs:GetQueueUrl", {f"NotStarted of SchedulesStack in {REGION}"}),
        ("kms:GetKeyPolicy", {f"TopicKey of AuditStack in {REGION}"}),
        ("cloudformation:DescribeStacks", {"the stacks"}),
        ("cloudformation:GetTemplate", {f"{stack} in {REGION}" for stack in STACKS}),
        ("iam:ListMFADevices", {f"user {name}" for name in ("alice", "auditor", "lead")}),
    ],
)
def test_what_the_caller_may_not_read_is_said(
    company: Company, action: str, what: set[str]
) -> None:
    found = _as(company, action)

    assert {each.harm for each in found} == {Harm.UNKNOWN}
    assert {each.what.split(" could not be read: ")[0] for each in found} == what


def _doctor(
    company: Company, *words: str, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    account = {**company.sandbox.environment(), **(more or {})}
    environment = {**os.environ, **account, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-m", "account", "doctor", "--assembly", str(company.assembly)]
    return subprocess.run(
        [*command, *words], env=environment, capture_output=True, text=True, check=False
    )


def test_command_ends_with_a_status_for_scheduled_jobs(company: Company) -> None:
    untouched = _doctor(company)
    company.events.disable_rule(Name=rule(company))
    try:
        tampered = _doctor(company, "--output", "json")
    finally:
        company.events.enable_rule(Name=rule(company))

    assert untouched.returncode == 0, untouched.stderr
    assert untouched.stdout.splitlines()[-1] == "account 000000000000: 6 note"
    assert tampered.returncode == 2, tampered.stderr
    assert json.loads(tampered.stdout)[0] == {
        "harm": "record",
        "what": f"rule AuditStack-Runs1 in {REGION} is DISABLED",
        "cause": "somebody changed it by hand",
        "fix": "deploy its stack again after a change, or revert it by hand",
    }


def test_findings_of_several_profiles_are_merged_and_a_failure_hides_none(
    company: Company, tmp_path: Path
) -> None:
    keys = company.sandbox.environment()
    profiles = {"good": keys["AWS_SECRET_ACCESS_KEY"], "bad": "x" * 40}
    (tmp_path / "config").write_text(
        "".join(
            f"[profile {name}]\naws_access_key_id = {keys['AWS_ACCESS_KEY_ID']}\n"
            f"aws_secret_access_key = {secret}\n"
            for name, secret in profiles.items()
        ),
        "utf-8",
    )
    config = {"AWS_CONFIG_FILE": str(tmp_path / "config")}
    options = ("--profile", "bad", "--profile", "good", "--page", str(tmp_path / "page.html"))

    done = _doctor(company, *options, more=config)
    as_json = _doctor(company, *options, "--output", "json", more=config)

    assert done.returncode == as_json.returncode == 1
    assert done.stderr.startswith("error: profile bad: could not ask AWS who this is: ")
    assert done.stdout.splitlines()[-1] == "account 000000000000: 6 note"
    assert [len(found) for found in json.loads(as_json.stdout).values()] == [6]
    assert "<h1>Account 000000000000</h1>" in (tmp_path / "page.html").read_text("utf-8")


def test_page_shows_findings_and_loads_nothing(company: Company, tmp_path: Path) -> None:
    company.stranger("Starter-B", allow("ssm:StartAutomationExecution"))
    try:
        done = _doctor(company, "--page", str(tmp_path / "page.html"))
    finally:
        company.remove_stranger("Starter-B")

    assert done.returncode == 2, done.stderr
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "<h3>Access</h3>" in page
    assert '<dt>access</dt><dd class="bad">1</dd>' in page
    assert "role Starter-B can start runbooks" in page
    assert re.findall(r'(?:src|href)="(?!#)', page) == []


def test_assembly_of_another_account_is_refused(company: Company, tmp_path: Path) -> None:
    other = deployment(account="444455556666", regions=(REGION,))

    done = _doctor(company, "--assembly", str(written(other, tmp_path / "assembly")))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "error: the credentials are of account 000000000000; the assembly in "
    )
