"""What a report shows and lets through, in jobs of GitHub Actions."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from pipeline.change_record import ChangeRecord
from pipeline.errors import PipelineError
from pipeline.github import is_a_job_with_a_token
from pipeline.report import report
from review.templates.cloud_assembly import Assembly
from sandbox import Sandbox
from tests.pipeline.github import GitHub
from tests.stacks.synthesis import deployment, written

pytestmark = pytest.mark.sandbox  # sockets, of this machine alone


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The assembly of the default deployment."""
    return written(deployment(), tmp_path_factory.mktemp("assembly"))


@pytest.fixture
def github(sandbox: Sandbox, tmp_path: Path) -> Iterator[GitHub]:
    """GitHub, in whose jobs the test runs, of a push unless named otherwise."""
    with (
        GitHub(sandbox) as running,
        patch.dict(os.environ, {**running.api(), **running.push(tmp_path)}),
    ):
        yield running


def _reviewed(
    folder: Path, *, gains_access: bool = False, violates_invariants: bool = False
) -> None:
    record = ChangeRecord(
        digest=Assembly(folder).digest,
        commit="c" * 40,
        base="d" * 40,
        gains_access=gains_access,
        violates_invariants=violates_invariants,
    )
    record.write(folder)
    (folder / "change.md").write_text("the page")


def _report(folder: Path, *variables: dict[str, str]) -> bool:
    with patch.dict(os.environ, {k: v for each in variables for k, v in each.items()}):
        return report(folder)


def test_violated_invariant_fails_the_report(
    github: GitHub, assembly: Path, tmp_path: Path
) -> None:
    _reviewed(assembly, violates_invariants=True)

    assert not _report(assembly, github.event(tmp_path))
    assert "❌ **An invariant of the access review is violated.**" in github.comments[0]["body"]


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


def test_gain_of_access_is_named_for_those_who_approve_it(
    github: GitHub, assembly: Path, tmp_path: Path
) -> None:
    _reviewed(assembly, gains_access=True)

    assert _report(assembly, github.event(tmp_path))
    assert (
        "⚠️ **This change gains access.** The owners of `access.lock.md` approve it, or do not."
        in github.comments[0]["body"]
    )


def test_push_is_reported_without_a_comment(github: GitHub, assembly: Path, tmp_path: Path) -> None:
    _reviewed(assembly)

    assert _report(assembly, github.push(tmp_path))
    assert github.comments == []


def test_record_of_another_assembly_is_refused(
    github: GitHub, assembly: Path, tmp_path: Path
) -> None:
    _reviewed(assembly)
    path = assembly / "change.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "digest": "0" * 64}))

    with pytest.raises(PipelineError) as caught:
        _report(assembly, github.event(tmp_path))

    assert str(caught.value) == f"{path} is of another assembly; run: make review BASE=…"


def test_call_that_github_refuses_is_reported_with_its_address(
    github: GitHub, assembly: Path, tmp_path: Path
) -> None:
    _reviewed(assembly)

    with pytest.raises(PipelineError) as caught:
        _report(assembly, github.event(tmp_path), {"GITHUB_TOKEN": "wrong"})

    address = f"{os.environ['GITHUB_API_URL']}/repos/octo-org/runbooks/issues/1/comments"
    assert str(caught.value) == (
        f"GitHub refused GET {address}: 401; see the job's permissions in its workflow"
    )
