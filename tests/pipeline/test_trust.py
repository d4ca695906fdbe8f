"""What is said of a job that AWS did not let in."""

import base64
import json
from pathlib import Path

import pytest

from delegation.model import GitHubPipeline
from pipeline.trust import explanation
from review.templates.cloud_assembly import Assembly
from tests.stacks.synthesis import deployment, written

_ACCOUNT = "111122223333"
_ADMINISTRATION = "PipelineAdministrationRole"
_MAIN = "ref:refs/heads/main"


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """One whose PipelineStack trusts the jobs of octo-org/runbooks."""
    wanted = deployment(pipeline=GitHubPipeline(repositories=("octo-org/runbooks",)))
    return Assembly(written(wanted, tmp_path_factory.mktemp("trust") / "cdk.out"))


def _token(subject: str, ref: str = "refs/heads/main") -> str:
    payload = json.dumps({"sub": subject, "ref": ref}).encode()
    return f"e30.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}.x"


@pytest.mark.parametrize(
    ("subject", "cause"),
    [
        (
            f"repo:Octo-Org/runbooks:{_MAIN}",
            'they differ in letter case: write repositories=("Octo-Org/runbooks",)',
        ),
        (
            f"repo:octo-org@123456/runbooks@456789:{_MAIN}",
            'they differ in GitHub\'s ids: write repositories=("octo-org@123456/runbooks@456789",)',
        ),
        (
            "repo:octo-org/runbooks:ref:refs/heads/gh-readonly-queue/main/pr-7-0123abc",
            "a merge queue's branch is never trusted: review there without AWS",
        ),
        (
            f"repo:octo-org/runbooks:{_MAIN}:job_workflow_ref:octo-org/runbooks/.github/workflows/"
            "deploy.yml@refs/heads/main",
            "the subject is customised: it goes on after 'ref:refs/heads/main'",
        ),
        ("repository_id:456789", "the subject is customised, and AWS compares it as a whole"),
        ("repo:octo-org/runbooks:ref:refs/tags/v1.2.0", "a tag is never trusted"),
        (
            f"repo:octo-org/other:{_MAIN}",
            "octo-org/other is another repository; if it is yours, write "
            'repositories=("octo-org/other",)',
        ),
        ("repo:octo-org/runbooks:environment:prod", "the environment is another one"),
        ("repo:octo-org/runbooks:ref:refs/heads/trunk", "the branch or event is another one"),
    ],
)
def test_message_shows_what_is_presented_what_is_trusted_and_the_difference(
    assembly: Assembly, subject: str, cause: str
) -> None:
    said = explanation(assembly, "PipelineReviewRole", _ACCOUNT, _token(subject))

    assert said.startswith(
        f"the job's token presents {subject}; PipelineReviewRole trusts "
        f"repo:octo-org/runbooks:pull_request or repo:octo-org/runbooks:{_MAIN}; {cause}"
    )


def test_branch_of_an_environments_job_is_compared_too(assembly: Assembly) -> None:
    subject = "repo:octo-org/runbooks:environment:administration"

    assert explanation(
        assembly, _ADMINISTRATION, _ACCOUNT, _token(subject, "refs/heads/trunk")
    ).endswith(
        "the job runs on refs/heads/trunk, trusted is refs/heads/main: run it on one of these "
        "branches, or name its branch in branches (deployments.py)"
    )
    assert explanation(assembly, _ADMINISTRATION, _ACCOUNT, _token(subject)).endswith(
        "they agree: deploy PipelineStack, whose trust in the account may be older"
    )


@pytest.mark.parametrize("token", ["", "a.b", "a.!.c", "e30.e30.e30", "a.W10.c"])
def test_token_that_cannot_be_read_leads_to_the_general_hint(
    assembly: Assembly, token: str
) -> None:
    assert explanation(assembly, _ADMINISTRATION, _ACCOUNT, token) == (
        "PipelineStack names the repositories, branches and environments (deployments.py)"
    )


def test_assembly_without_pipeline_leads_to_the_general_hint(tmp_path: Path) -> None:
    plain = Assembly(written(deployment(), tmp_path))

    assert explanation(
        plain, _ADMINISTRATION, _ACCOUNT, _token("repo:a/b:pull_request")
    ).startswith("PipelineStack names")
