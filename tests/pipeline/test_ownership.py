"""Nothing that this project did not create is changed: a stack of somebody else's with its name."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from review.templates.cloud_assembly import Assembly
from sandbox import Sandbox
from tests.pipeline.checkout import Checkout
from tests.stacks.synthesis import deployment, written

pytestmark = [pytest.mark.sandbox, pytest.mark.command]

_REGION = "eu-west-1"
_FOREIGN = {
    "Description": "another team",
    "Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "other-team"}}},
}


@pytest.fixture(params=["RunbooksStack", "PipelineStack"])
def foreign(request: pytest.FixtureRequest, account: Sandbox) -> Iterator[str]:
    """The name of another team's stack in a Region where nothing of the project's stands."""
    cloudformation = account.client("cloudformation", region=_REGION)
    cloudformation.create_stack(StackName=request.param, TemplateBody=json.dumps(_FOREIGN))
    yield request.param
    cloudformation.delete_stack(StackName=request.param)


def _there(account: Sandbox) -> dict[str, str]:
    """The variables of an administrator who works in that Region."""
    return {**account.environment(), "AWS_REGION": _REGION, "AWS_DEFAULT_REGION": _REGION}


def _assert_refused(done: subprocess.CompletedProcess[str], account: Sandbox, foreign: str) -> None:
    assert done.returncode != 0
    assert f"error: {foreign} in {_REGION} of 000000000000 stands already and is not of this " in (
        done.stderr
    )
    assert "Traceback" not in done.stderr
    cloudformation = account.client("cloudformation", region=_REGION)
    assert [s["StackName"] for s in cloudformation.describe_stacks()["Stacks"]] == [foreign]
    body = cloudformation.get_template(StackName=foreign)["TemplateBody"]
    assert (json.loads(body) if isinstance(body, str) else body) == _FOREIGN
    topics = account.client("sns", region=_REGION).list_topics()["Topics"]
    assert [topic["TopicArn"].rsplit(":", 1)[1] for topic in topics] == ["other-team"]


@pytest.mark.parametrize("command", ["deploy", "destroy"])
def test_workstation_does_not_touch_another_teams_stack(
    checkout: Checkout, account: Sandbox, foreign: str, command: str
) -> None:
    unasked = ("--require-approval", "never") if command == "deploy" else ("--force",)

    done = checkout.run(
        *("npx", "cdk", command, "--all", *unasked),
        job=_there(account),
    )

    _assert_refused(done, account, foreign)


@pytest.mark.parametrize("foreign", ["AuditStack", "RunbooksStack"], indirect=True)
def test_pipeline_does_not_touch_another_teams_stack(
    checkout: Checkout, account: Sandbox, foreign: str
) -> None:
    digest = Assembly(checkout.standing).digest

    done = checkout.run(
        *("make", "deploy", f"ASSEMBLY={checkout.standing}", f"DIGEST={digest}"),
        job=_there(account),
    )

    _assert_refused(done, account, foreign)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"name_prefix": "acme-"},
            "error: acme-AdministrationStack in us-east-1 of 000000000000 would be a second "
            "deployment: AdministrationStack stands there. Nothing was changed; name_prefix stays "
            "as it was at the first deployment (deployments.py). To change it, set it back, remove "
            "what stands (npx cdk destroy --all), and set it anew\n",
        ),
        (
            {"iam_path": "/automation/"},
            "error: AdministrationStack in us-east-1 of 000000000000 would have to make "
            "OperatorRestrictedPermissions again: its Path changes from '/' to '/automation/', "
            "which CloudFormation refuses for a name that exists. Nothing was changed; iam_path "
            "stays as it was at the first deployment (deployments.py). To change it, set it back, "
            "remove what stands (npx cdk destroy --all), and set it anew\n",
        ),
    ],
)
def test_change_of_prefix_or_path_is_refused_before_anything_is_changed(
    checkout: Checkout, tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    assembly = written(deployment(**changes), tmp_path / "assembly")

    done = checkout.as_administrator(
        "python", "-m", "pipeline", "ownership", "--assembly", str(assembly)
    )

    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


def test_own_stacks_are_ours(checkout: Checkout) -> None:
    done = checkout.as_administrator(
        "python", "-m", "pipeline", "ownership", "--assembly", str(checkout.standing)
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("foreign", ["RunbooksStack"], indirect=True)
def test_synthesis_asks_nobody(checkout: Checkout, account: Sandbox, foreign: str) -> None:
    done = checkout.run("npx", "cdk", "synth", "--quiet", job=_there(account))

    assert foreign
    assert done.returncode == 0, done.stderr
