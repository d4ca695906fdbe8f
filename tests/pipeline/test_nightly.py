"""The doctor as a job of each night runs it."""

from pathlib import Path

import pytest

from sandbox import Sandbox
from tests.pipeline.checkout import Checkout
from tests.pipeline.github import GitHub

pytestmark = [pytest.mark.sandbox, pytest.mark.command]


def test_nightly_job_reads_the_account_by_its_token_alone(
    checkout: Checkout, github: GitHub, account: Sandbox, tmp_path: Path
) -> None:
    trails = account.client("cloudtrail")
    trails.create_trail(Name="all", S3BucketName="trails", IsMultiRegionTrail=True)
    trails.start_logging(Name="all")
    summary = tmp_path / "summary.md"
    job = {**github.job("ref:refs/heads/main"), "GITHUB_STEP_SUMMARY": str(summary)}
    assert checkout.make("synth", job=job).returncode == 0
    known = checkout.folder / "known-principals.txt"
    known.write_text(
        "# the sandbox lacks the text of ReadOnlyAccess, which it holds\n"
        "arn:aws:iam::000000000000:role/cdk-hnb659fds-lookup-role-*  # of cdk bootstrap\n"
    )

    untouched = checkout.make("doctor", job=job)
    trails.stop_logging(Name="all")
    tampered = checkout.make("doctor", job=job)
    of_pull_request = checkout.make("doctor", job=github.job("pull_request", ref="refs/pull/1"))
    known.unlink()

    assert untouched.returncode == 0, untouched.stdout + untouched.stderr
    assert "did not let this job in" in of_pull_request.stdout
    assert of_pull_request.returncode == 2  # of make, whatever its command's is
    assert "trail" in tampered.stdout.splitlines()[0]
    assert tampered.returncode == 2
    assert untouched.stdout + tampered.stdout == "".join(
        line for line in summary.read_text("utf-8").splitlines(keepends=True) if "```" not in line
    )
    assert "<h1>" in (checkout.folder / "cdk.out" / "doctor-000000000000.html").read_text("utf-8")
