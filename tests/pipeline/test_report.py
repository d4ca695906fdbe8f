"""What a report tells and lets through, in jobs of GitHub Actions."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from pipeline.change_record import ChangeRecord
from pipeline.errors import PipelineError
from pipeline.github import is_a_job_with_a_token
from pipeline.report import report, reviewed_run
from review.templates.cloud_assembly import Assembly
from sandbox import Sandbox
from tests.pipeline.github import MERGED, GitHub
from tests.stacks.synthesis import deployment, written

pytestmark = pytest.mark.sandbox  # sockets, of this machine alone


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The assembly of the default deployment."""
    return written(deployment(), tmp_path_factory.mktemp("assembly"))


@pytest.fixture
def github(sandbox: Sandbox, tmp_path: Path) -> Iterator[GitHub]:
    """GitHub, in whose jobs the test runs, on main unless told."""
    with (
        GitHub(sandbox) as running,
        patch.dict(os.environ, {**running.api(), **running.on_branch(tmp_path)}),
    ):
        yield running


def _reviewed(folder: Path, *, is_widening: bool = False, is_broken: bool = False) -> None:
    record = ChangeRecord(
        digest=Assembly(folder).digest,
        commit="c" * 40,
        base="d" * 40,
        is_widening=is_widening,
        is_broken=is_broken,
    )
    record.write(folder)
    (folder / "change.md").write_text("the page")


def _report(folder: Path, *variables: dict[str, str]) -> bool:
    with patch.dict(os.environ, {k: v for each in variables for k, v in each.items()}):
        return report(folder)


def test_broken_promise_may_not_be_merged(github: GitHub, assembly: Path, tmp_path: Path) -> None:
    _reviewed(assembly, is_broken=True)

    assert not _report(assembly, github.event(tmp_path))
    assert "❌ **A promise of the access review is broken.**" in github.comments[0]["body"]


def test_review_that_failed_takes_the_place_of_an_older_one(
    github: GitHub, assembly: Path, tmp_path: Path
) -> None:
    _reviewed(assembly)
    assert _report(assembly, github.event(tmp_path))

    assert not _report(tmp_path, github.event(tmp_path))

    (comment,) = github.comments
    assert "❌ **The review failed.**" in comment["body"]
    assert "Nobody gains" not in comment["body"]


def test_forks_pull_request_is_judged_without_a_comment(
    github: GitHub, assembly: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _reviewed(assembly)
    github.may_write = False
    summary = {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}

    assert _report(assembly, github.event(tmp_path), summary)

    assert github.comments == []
    assert capsys.readouterr().out == (
        "✅ Nobody gains access.\nthis job may not comment; the review stands in its summary\n"
    )
    assert "the page" in (tmp_path / "summary").read_text("utf-8")
    assert not is_a_job_with_a_token()


@pytest.mark.parametrize(
    ("branch", "is_widening", "may_merge"),
    [
        ("main", True, True),
        ("main", False, True),
        ("feature", True, False),
        ("feature", False, False),
    ],
)
def test_review_by_hand_counts_on_the_default_branch_alone(
    github: GitHub,
    assembly: Path,
    tmp_path: Path,
    branch: str,
    is_widening: bool,
    may_merge: bool,
) -> None:
    _reviewed(assembly, is_widening=is_widening)

    assert may_merge == _report(assembly, github.on_branch(tmp_path, branch))


def test_pull_request_into_another_branch_is_not_judged(
    github: GitHub, assembly: Path, tmp_path: Path
) -> None:
    _reviewed(assembly)

    assert not _report(assembly, github.event(tmp_path, base="mallorys-branch"))
    assert "❌ **This is no change of `main`**" in github.comments[0]["body"]


def test_record_of_another_assembly_is_refused(
    github: GitHub, assembly: Path, tmp_path: Path
) -> None:
    _reviewed(assembly)
    path = assembly / "change.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "digest": "0" * 64}))

    with pytest.raises(PipelineError) as caught:
        _report(assembly, github.event(tmp_path))

    assert str(caught.value) == f"{path} is of another assembly; run: make review BASE=…"


def test_review_of_the_merged_pull_request_is_found(github: GitHub) -> None:
    github.reviewed("1" * 64)

    assert reviewed_run("1" * 64) == 17


def test_review_by_hand_of_this_commit_is_found(github: GitHub) -> None:
    github.reviewed("1" * 64, event="workflow_dispatch", head_sha=MERGED)

    assert reviewed_run("1" * 64) == 17


@pytest.mark.parametrize(
    "run",
    [
        {"conclusion": "failure"},
        {"path": ".github/workflows/mallory.yml"},
        {"head_sha": "c" * 40},
        {"event": "workflow_dispatch"},
        {"event": "push", "head_sha": MERGED},
        {"pull_requests": [{"number": 2, "base": {"ref": "main"}}]},
        {"pull_requests": [{"number": 1, "base": {"ref": "mallorys-branch"}}]},
    ],
    ids=[
        *("failed", "another workflow", "another head", "another branch", "a push"),
        *("another pull request", "another base"),
    ],
)
def test_any_other_run_is_no_review(github: GitHub, run: dict[str, Any]) -> None:
    github.reviewed("1" * 64, **run)

    with pytest.raises(PipelineError) as caught:
        reviewed_run("1" * 64)

    assert str(caught.value) == (
        f"no successful review of the assembly {'1' * 64} is on record for this commit: its pull "
        "request was behind its branch, or merged without the checks, or its artifact has expired; "
        "start the workflow review by hand on this branch, read its summary, then run this again"
    )


def test_review_of_a_forks_pull_request_is_found(github: GitHub) -> None:
    github.reviewed("1" * 64, pull_requests=[])

    assert reviewed_run("1" * 64) == 17


def test_pull_request_that_was_merged_elsewhere_is_none(github: GitHub) -> None:
    github.reviewed("1" * 64)
    github.merged_into = "feature"

    with pytest.raises(PipelineError):
        reviewed_run("1" * 64)


def test_artifact_whose_run_is_gone_is_passed_over(github: GitHub) -> None:
    github.reviewed("1" * 64)
    for gone in (None, {"id": 16}):
        github.artifacts.insert(0, {**github.artifacts[-1], "workflow_run": gone})

    assert reviewed_run("1" * 64) == 17


def test_review_of_another_assembly_or_an_expired_one_is_none(github: GitHub) -> None:
    github.reviewed("2" * 64)
    with pytest.raises(PipelineError):
        reviewed_run("1" * 64)

    github.reviewed("1" * 64)
    github.artifacts[0]["expired"] = True
    with pytest.raises(PipelineError):
        reviewed_run("1" * 64)


def test_call_that_github_refuses_is_told_with_its_address(github: GitHub) -> None:
    with patch.dict(os.environ, {"GITHUB_TOKEN": "wrong"}), pytest.raises(PipelineError) as caught:
        reviewed_run("1" * 64)

    address = f"{os.environ['GITHUB_API_URL']}/repos/octo-org/runbooks/commits/{MERGED}/pulls"
    assert str(caught.value) == (
        f"GitHub refused GET {address}: 401; see the job's permissions in its workflow"
    )
