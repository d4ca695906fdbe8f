"""What a pipeline refuses, and what AWS refuses to a pipeline."""

import json
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from review.templates.cloud_assembly import Assembly
from sandbox import Sandbox
from tests.pipeline.checkout import Checkout
from tests.pipeline.github import GitHub

pytestmark = [pytest.mark.sandbox, pytest.mark.command]

_BUCKET = "cdk-hnb659fds-assets-000000000000-us-east-1"


@pytest.fixture
def assembly(checkout: Checkout, tmp_path: Path) -> Path:
    """A copy of the assembly that stood in the account at first, to be edited."""
    shutil.copytree(checkout.standing, tmp_path / "assembly")
    return tmp_path / "assembly"


@pytest.fixture
def restored(checkout: Checkout) -> Iterator[None]:
    """Puts back what the test deploys."""
    yield
    checkout.restore()


def _rewritten(assembly: Path, stack: str, **resource: Any) -> str:
    """Puts a resource into a template, the assembly's hashes made to agree; the new digest."""
    path = assembly / f"{stack}.template.json"
    template = json.loads(path.read_text())
    template["Resources"].update(resource)
    old = sha256(path.read_bytes()).hexdigest()
    path.write_text(json.dumps(template))
    new = sha256(path.read_bytes()).hexdigest()
    for name in (f"{stack}.assets.json", "manifest.json"):
        text = (assembly / name).read_text()
        (assembly / name).write_text(text.replace(old, new))
    return Assembly(assembly).digest


def _deploy(
    checkout: Checkout, assembly: Path, only: str, digest: str, job: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return checkout.make(
        "deploy", f"ASSEMBLY={assembly}", f"ONLY={only}", f"DIGEST={digest}", job=job
    )


@pytest.mark.parametrize(
    ("only", "context", "ref", "repository"),
    [
        ("runbooks", "pull_request", "refs/pull/1/merge", "octo-org/runbooks"),
        ("runbooks", "ref:refs/heads/main", "refs/heads/main", "octo-org/runbooks"),
        ("runbooks", "environment:runbooks", "refs/heads/feature", "octo-org/runbooks"),
        ("runbooks", "environment:runbooks", "refs/heads/main", "mallory/runbooks"),
        ("administration", "environment:runbooks", "refs/heads/main", "octo-org/runbooks"),
        ("administration", "pull_request", "refs/pull/1/merge", "octo-org/runbooks"),
    ],
    ids=["pull request", "no environment", "wrong branch", "fork", "author", "pull request, IAM"],
)
def test_no_other_job_deploys(
    checkout: Checkout,
    github: GitHub,
    assembly: Path,
    only: str,
    context: str,
    ref: str,
    repository: str,
) -> None:
    job = github.job(context, ref=ref, repository=repository)

    done = _deploy(checkout, assembly, only, Assembly(assembly).digest, job)

    role = f"Pipeline{only.title()}Role"
    assert done.returncode != 0
    assert (
        f"error: arn:aws:iam::000000000000:role/{role} did not let this job in: An error occurred "
        f"(AccessDenied)"
    ) in done.stderr
    assert "deploying" not in done.stdout


@pytest.mark.parametrize("context", ["pull_request", "ref:refs/heads/main"])
def test_job_of_a_fork_compares_nothing(
    checkout: Checkout, github: GitHub, assembly: Path, context: str
) -> None:
    job = github.job(context, repository="mallory/runbooks")

    done = checkout.make("--silent", "plan", f"ASSEMBLY={assembly}", job=job)

    assert done.returncode != 0
    assert "role/PipelineReviewRole did not let this job in" in done.stderr


def test_assembly_of_another_digest_is_not_deployed(
    checkout: Checkout, github: GitHub, assembly: Path
) -> None:
    reviewed = Assembly(assembly).digest
    changed = _rewritten(assembly, "RunbooksStack", Topic={"Type": "AWS::SNS::Topic"})

    done = _deploy(checkout, assembly, "runbooks", reviewed, github.job("environment:runbooks"))

    assert done.returncode != 0
    assert f"has the digest {changed}, not {reviewed}, which was reviewed" in done.stderr
    assert not any(request.startswith("GET /token") for request in github.asked)


def test_template_that_is_not_the_one_of_its_hash_is_not_deployed(
    checkout: Checkout, github: GitHub, assembly: Path
) -> None:
    path = assembly / "RunbooksStack.template.json"
    path.write_text(path.read_text().replace("Restart", "Destroy"))

    done = _deploy(checkout, assembly, "runbooks", "0" * 64, github.job("environment:runbooks"))

    assert done.returncode != 0
    assert "RunbooksStack.template.json is not the template that its assembly names" in done.stderr


@pytest.mark.usefixtures("restored")
def test_template_that_lay_in_wait_under_its_key_is_reported(
    checkout: Checkout, github: GitHub, account: Sandbox, assembly: Path
) -> None:
    resources = json.loads((assembly / "RunbooksStack.template.json").read_text())["Resources"]
    document = resources["RestartEC2InstanceDemo"]
    document["Properties"]["Content"]["description"] = "as reviewed"
    digest = _rewritten(assembly, "RunbooksStack", RestartEC2InstanceDemo=document)
    template = (assembly / "RunbooksStack.template.json").read_bytes()
    account.client("s3").put_object(
        Bucket=_BUCKET,
        Key=f"runbooks/{sha256(template).hexdigest()}.json",
        Body=template.replace(b"as reviewed", b"as nobody reviewed"),
    )

    job = github.job("environment:administration")
    done = checkout.make("deploy", f"ASSEMBLY={assembly}", f"DIGEST={digest}", job=job)

    assert done.returncode != 0
    assert (
        "error: RunbooksStack in us-east-1 of 000000000000 is not the template that was reviewed: "
        f"another one lay under its key in {_BUCKET}; find out who put it there"
    ) in done.stderr


def test_failed_deployment_rolls_back_and_says_where_it_stands(
    checkout: Checkout, github: GitHub, assembly: Path
) -> None:
    digest = _rewritten(
        assembly,
        "RunbooksStack",
        Stranger={"Type": "AWS::IAM::User", "Properties": {"UserName": "stranger"}},
    )

    done = _deploy(checkout, assembly, "runbooks", digest, github.job("environment:runbooks"))

    assert done.returncode != 0
    assert "RunbooksStack in us-east-1 of 000000000000: UPDATE_ROLLBACK_COMPLETE" in done.stdout
    assert "role/AuthorExecutionRole is not authorized to perform: iam:CreateUser" in done.stdout


@pytest.mark.usefixtures("restored")
def test_interrupted_deployment_goes_on_when_it_is_run_again(
    checkout: Checkout, github: GitHub, account: Sandbox, assembly: Path
) -> None:
    noted = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "1"}}
    digest = _rewritten(assembly, "AdministrationStack", Noted=noted)
    arguments = _deploying(assembly, digest)
    job = github.job("environment:administration")
    with subprocess.Popen(
        arguments,
        cwd=checkout.folder,
        env=checkout.environment(job),
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        while "deploying" not in running.stdout.readline():
            assert running.poll() is None
        running.send_signal(signal.SIGTERM)
        rest = running.stdout.read()

    assert running.returncode == 1
    assert "interrupted: CloudFormation ends what it has begun; run this again to go on" in rest
    assert "AdministrationStack in us-east-1 of 000000000000: " in rest

    again = checkout.run(*arguments, job=job)

    assert again.returncode == 0, again.stdout + again.stderr
    stack = account.client("cloudformation").describe_stack_resources(
        StackName="AdministrationStack"
    )
    assert "Noted" in [each["LogicalResourceId"] for each in stack["StackResources"]]


def _deploying(assembly: Path, digest: str) -> tuple[str, ...]:
    return (
        *("python", "-m", "pipeline", "deploy", "--assembly", str(assembly)),
        *("--only", "administration", "--digest", digest),
    )


def test_review_role_cannot_deploy(
    checkout: Checkout, github: GitHub, account: Sandbox, assembly: Path
) -> None:
    github.job("pull_request")
    credentials = account.client("sts").assume_role_with_web_identity(
        RoleArn="arn:aws:iam::000000000000:role/PipelineReviewRole",
        RoleSessionName="job",
        WebIdentityToken=github.token(),
    )["Credentials"]
    cloudformation = account.client("cloudformation", credentials)
    role = "arn:aws:iam::000000000000:role/"
    body = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
    comparison = {
        "StackName": "RunbooksStack",
        "ChangeSetName": "cdk-diff-change-set-1",
        "RoleARN": f"{role}PipelineComparisonRole",
        "TemplateBody": body,
    }
    made = cloudformation.create_change_set(**comparison)["Id"]
    administrators = f"{role}cdk-hnb659fds-cfn-exec-role-000000000000-us-east-1"
    attempts: dict[str, Callable[[], Any]] = {
        "execute": lambda: cloudformation.execute_change_set(ChangeSetName=made),
        "as administrator": lambda: cloudformation.create_change_set(
            **{**comparison, "ChangeSetName": "cdk-diff-change-set-2", "RoleARN": administrators}
        ),
        "as nobody": lambda: cloudformation.create_change_set(
            **{k: v for k, v in comparison.items() if k != "RoleARN"}
        ),
        "under a deployment's name": lambda: cloudformation.create_change_set(
            **{**comparison, "ChangeSetName": "cdk-deploy-change-set"}
        ),
        "update": lambda: cloudformation.update_stack(StackName="RunbooksStack", TemplateBody=body),
        "delete": lambda: cloudformation.delete_stack(StackName="RunbooksStack"),
        "upload": lambda: account.client("s3", credentials).put_object(
            Bucket=_BUCKET, Key=f"{'0' * 64}.json", Body=b"{}"
        ),
        "upload for authors": lambda: account.client("s3", credentials).put_object(
            Bucket=_BUCKET, Key=f"runbooks/{'0' * 64}.json", Body=b"{}"
        ),
        "assume": lambda: account.client("sts", credentials).assume_role(
            RoleArn=f"{role}cdk-hnb659fds-deploy-role-000000000000-us-east-1",
            RoleSessionName="job",
        ),
    }

    refused = {}
    for name, attempt in attempts.items():
        try:
            attempt()
        except ClientError as error:
            refused[name] = error.response["Error"]["Code"]
    cloudformation.delete_change_set(ChangeSetName=made)

    assert dict.fromkeys(attempts, "AccessDenied") == refused
