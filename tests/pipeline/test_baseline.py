"""The commit that a change is compared with."""

import subprocess
from pathlib import Path

import pytest

from pipeline import baseline
from pipeline.errors import PipelineError


def _refusal(name: str) -> str:
    with pytest.raises(PipelineError) as caught:
        baseline.commit(name)
    return str(caught.value)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit."""
    monkeypatch.chdir(tmp_path)
    author = ("-c", "user.name=Author", "-c", "user.email=author@example.com")
    for arguments in (("init", "--quiet"), ("commit", "--quiet", "--allow-empty", "-m", "First")):
        subprocess.run(("git", *author, *arguments), cwd=tmp_path, check=True)
    return tmp_path


def test_commit_is_reported_whole(clone: Path) -> None:
    assert len(baseline.commit("HEAD")) == 40


def test_uncommitted_changes_are_seen(clone: Path) -> None:
    assert not baseline.has_uncommitted_changes()

    (clone / "new").write_text("")

    assert baseline.has_uncommitted_changes()


@pytest.mark.parametrize("name", ["nobody", "--help", "0" * 40])
def test_what_is_no_commit_is_reported(clone: Path, name: str) -> None:
    assert _refusal(name) == (
        f"{name!r} is not a commit of this clone; a shallow one lacks most: git fetch --unshallow"
    )


def test_empty_name_is_reported(clone: Path) -> None:
    assert _refusal("") == ("BASE is empty; name a commit or a branch to compare with: BASE=main")


def test_folder_that_is_no_clone_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    assert _refusal("HEAD").startswith("git rev-parse failed: fatal: not a git repository")


def test_git_that_is_missing_is_reported(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(clone))

    assert _refusal("HEAD").startswith("git is needed and cannot be run: ")
