"""What goes wrong is said with cause and fix: met in an account, or in AWS's own words."""

from pathlib import Path

import pytest

from tests.operate.conftest import BACKUP, RESTART, Account
from tests.operate.proxy import EXPIRED, THROTTLED, proxied
from tests.operate.terminal import in_a_pipe

_ROLE_OF_ITS_STARTER = {"Role": {"type": "AWS::IAM::Role::Arn"}}
_REST = {"name": "rest", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}}
_START = ("ssm:StartAutomationExecution", "ssm:GetDocument", "ssm:GetAutomationExecution")


def _reported(errors: str) -> tuple[str, str]:
    """Cause and fix, as printed."""
    cause = errors.split("cause: ")[1].split("\n")[0]
    return cause, errors.split("fix: ")[1].split("\n")[0]


@pytest.mark.sandbox
def test_runbook_that_takes_its_role_needs_the_right_to_pass_it(account: Account) -> None:
    account.runbook("Takes-A-Role", _REST, assumeRole="{{ Role }}", parameters=_ROLE_OF_ITS_STARTER)
    starter = account.person("starter", *_START)
    role = "arn:aws:iam::000000000000:role/AutomationServiceRole"

    printed = in_a_pipe(starter, "run", "Takes-A-Role", "--role", role, status=2)

    assert "not authorized to perform: iam:PassRole" in printed.errors
    assert _reported(printed.errors)[0].startswith("the runbook takes its role from a parameter")


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("role", "cause"),
    [
        ("arn:aws:iam::000000000000:role/Gone", "the service role does not exist (any more)"),
        ("arn:aws:iam::000000000000:role/", "the runbook's assumeRole is not an ARN of a role"),
    ],
    ids=["gone", "no ARN"],
)
def test_role_that_cannot_be_assumed(account: Account, role: str, cause: str) -> None:
    name = f"Role-{'Gone' if role.endswith('Gone') else 'No-Arn'}"
    account.runbook(name, _REST, assumeRole=role)

    printed = in_a_pipe(account.root, "run", name, status=2)

    assert _reported(printed.errors)[0].startswith(cause)


@pytest.mark.sandbox
def test_instance_without_the_tag_fails_the_step(account: Account) -> None:
    (instance,) = account.instances()

    printed = in_a_pipe(account.operator, "run", RESTART, "--instance-id", instance, status=1)

    assert "Failed: Restart-EC2InstanceDemo, version 1" in printed.text
    cause, fix = _reported(printed.text)
    assert cause.startswith("the service role may not do this on this resource: the instance lacks")
    assert "python -m delegation who" in fix


@pytest.mark.sandbox
def test_unknown_instance_fails_the_step(account: Account) -> None:
    inputs = {"InstanceIds": ["i-00000000000000000"], "DesiredState": "stopped"}
    step = {"name": "stop", "action": "aws:changeInstanceState", "inputs": inputs}
    account.runbook("Stops-Nothing", step)

    printed = in_a_pipe(account.root, "run", "Stops-Nothing", "--allow-own-permissions", status=1)

    assert _reported(printed.text) == (
        "there is no such instance in this account and Region",
        "check the id and --region",
    )


@pytest.mark.sandbox
def test_runbook_that_is_misspelt_is_reported_with_the_nearest(account: Account) -> None:
    printed = in_a_pipe(account.operator, "run", "Restart-EC2Instnce", status=2)

    assert printed.errors.startswith(
        "error: no runbook 'Restart-EC2Instnce' in us-east-1; nearest: Restart-EC2InstanceDemo\n"
    )


@pytest.mark.sandbox
def test_runbook_of_somebody_else_is_not_the_operators(account: Account) -> None:
    account.runbook("Not-Yours", _REST)

    printed = in_a_pipe(account.operator, "run", "Not-Yours", status=2)

    assert printed.errors.startswith("error: you may not run Not-Yours: AccessDeniedException")
    assert _reported(printed.errors)[0] == (
        "the runbook is not among those that you are given, or not in this Region"
    )


@pytest.mark.sandbox
def test_wrong_region_has_no_runbooks(account: Account) -> None:
    listed = in_a_pipe(account.operator, "list", "--region", "eu-west-1")
    run = in_a_pipe(account.operator, "run", RESTART, "--region", "eu-west-1", status=2)
    misspelt = in_a_pipe(account.operator, "list", "--region", "us-esat-1", status=2)

    assert "no runbooks of this deployment in eu-west-1" in listed.errors
    assert run.errors.startswith(f"error: no runbook '{RESTART}' in eu-west-1; known: none")
    assert "'us-esat-1' is not a Region of Systems Manager; nearest: " in misspelt.errors
    assert "us-east-1" in misspelt.errors


@pytest.mark.sandbox
def test_version_that_is_none(account: Account) -> None:
    arguments = ("run", RESTART, "--document-version", "7", "--instance-id", "i-00000000000000000")

    printed = in_a_pipe(account.operator, *arguments, status=2)

    assert "there is no such runbook or version" in _reported(printed.errors)[0]


@pytest.mark.sandbox
def test_run_that_is_none(account: Account) -> None:
    unknown = "00000000-0000-0000-0000-000000000000"

    printed = in_a_pipe(account.operator, "watch", unknown, status=2)

    assert "there is no such run" in _reported(printed.errors)[0]


@pytest.mark.sandbox
def test_approver_may_not_start_and_operator_not_approve(account: Account) -> None:
    (instance,) = account.allowed()
    in_a_pipe(account.operator, "run", BACKUP, "--instance-id", instance, "--detach")
    execution = account.runs()[0]["AutomationExecutionId"]

    approved = in_a_pipe(account.operator, "approve", execution, status=2)
    stranger = account.person("stranger", "ssm:GetAutomationExecution", "ssm:SendAutomationSignal")
    by_stranger = in_a_pipe(stranger, "approve", execution, status=2)

    assert _reported(approved.errors)[0].startswith("operators never answer approvals")
    assert _reported(by_stranger.errors)[0].startswith("the approval step names other people")


@pytest.mark.sandbox
def test_expired_credentials_and_lasting_throttling(account: Account) -> None:
    with proxied(account.sandbox) as proxy:
        proxy.faults["ListDocuments"] = [EXPIRED]
        expired = in_a_pipe(account.operator, "list", "--endpoint-url", proxy.url, status=2)
        proxy.faults["ListDocuments"] = [THROTTLED] * 3
        hasty = {**account.operator, "AWS_MAX_ATTEMPTS": "3"}
        throttled = in_a_pipe(hasty, "list", "--endpoint-url", proxy.url, status=2)

    assert _reported(expired.errors)[0] == "your credentials have expired"
    assert "AWS does not answer, or asks to be asked less; trying again" in throttled.errors
    assert "AWS was asked more than it answers at a time" in _reported(throttled.errors)[0]


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"AWS_ACCESS_KEY_ID": ""}, "no AWS credentials were found"),
        ({"AWS_ACCESS_KEY_ID": "AKIAXXXXXXXXXXXXXXXX"}, "AWS does not know the access key"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "the secret key does not belong to the access key"),
        ({"AWS_PROFILE": "nobody"}, "the AWS configuration has no such profile"),
        ({"AWS_CA_BUNDLE": ""}, "the server's certificate is not trusted here"),
    ],
    ids=["no keys", "unknown key", "wrong secret", "unknown profile", "certificate"],
)
def test_credentials_that_do_not_work(
    account: Account, changes: dict[str, str], cause: str
) -> None:
    hasty = {"AWS_MAX_ATTEMPTS": "1", **changes}
    environment = {k: v for k, v in {**account.operator, **hasty}.items() if v}

    printed = in_a_pipe(environment, "list", status=2)

    assert _reported(printed.errors)[0].startswith(cause)


_PROFILES = """
[profile tool]
credential_process = /nonexistent/tool
[profile talking]
credential_process = echo not-json
[profile job]
role_arn = arn:aws:iam::111122223333:role/Ops
web_identity_token_file = /nonexistent/token
[profile half]
role_arn = arn:aws:iam::111122223333:role/Ops
source_profile = gone
"""


@pytest.mark.parametrize(
    ("profile", "cause"),
    [
        ("tool", "the AWS configuration names a file or program that does not exist"),
        ("talking", "the program of credential_process in the AWS configuration"),
        ("job", "the profile takes a web identity token from a file that does not exist"),
        ("half", "the profile assumes a role by another profile that is missing"),
        ("none", "the AWS configuration has no such profile"),
    ],
)
def test_profile_that_gives_no_credentials_is_explained(
    tmp_path: Path, profile: str, cause: str
) -> None:
    (tmp_path / "config").write_text(_PROFILES)
    environment = {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_REGION": "us-east-1",
    }

    printed = in_a_pipe(environment, "list", "--profile", profile, status=2)

    assert _reported(printed.errors)[0].startswith(cause)


@pytest.mark.sandbox
def test_no_region_is_reported(account: Account) -> None:
    environment = {k: v for k, v in account.operator.items() if "REGION" not in k}

    printed = in_a_pipe(environment, "list", status=2)

    assert printed.errors == (
        "error: no Region is named; give --region, set AWS_REGION, or name one in the profile\n"
    )
