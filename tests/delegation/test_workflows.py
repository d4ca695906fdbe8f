"""Workflows and deployments.py name the same environments and branches."""

from pathlib import Path
from typing import Any

import pytest

from delegation.model import GitHubPipeline
from delegation.workflows import workflow_findings

_WORKFLOWS = Path(__file__).resolve().parent.parent.parent / ".github" / "workflows"


def _pipeline(**changes: Any) -> GitHubPipeline:
    return GitHubPipeline(**{"repositories": ("octo-org/runbooks",), **changes})


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with the project's workflows."""
    (tmp_path / ".git").mkdir()
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    for path in _WORKFLOWS.glob("*.yml"):
        (folder / path.name).write_text(path.read_text())
    return tmp_path


def test_defaults_agree_with_the_shipped_workflows(repository: Path) -> None:
    (repository / "apps" / "delegation").mkdir(parents=True)

    assert list(workflow_findings(_pipeline(), repository)) == []
    assert list(workflow_findings(_pipeline(), repository / "apps" / "delegation")) == []


def test_other_environment_and_branch_are_reported_both_ways(repository: Path) -> None:
    pipeline = _pipeline(branches=("trunk",), administration_environment="prod-iam")

    assert list(workflow_findings(pipeline, repository)) == [
        "administration_environment of the pipeline is 'prod-iam', which no job of "
        ".github/workflows has (they have administration, runbooks): AWS would refuse every job; "
        "change environment: in the workflow, or the name (deployments.py)",
        "branches of the pipeline has 'trunk', whose pushes do not start "
        ".github/workflows/deploy.yml (on push: main): nothing would be deployed from it; change "
        "branches: in the workflow, or the name (deployments.py)",
        ".github/workflows/deploy.yml starts on pushes to 'main', which is not in branches of the "
        "pipeline (trunk): AWS would refuse its jobs; change branches: in the workflow, or add the "
        "branch (deployments.py)",
    ]


def test_letter_case_of_an_environment_counts(repository: Path) -> None:
    (found,) = workflow_findings(_pipeline(runbooks_environment="Runbooks"), repository)

    assert found.startswith("runbooks_environment of the pipeline is 'Runbooks', which no job")


def test_environment_with_an_address_is_read(repository: Path) -> None:
    path = repository / ".github" / "workflows" / "deploy.yml"
    text = path.read_text()
    assert text.count("environment: runbooks") == 1
    path.write_text(
        text.replace(
            "environment: runbooks",
            "environment:\n      name: production\n      url: https://example.com",
        )
    )

    (found,) = workflow_findings(_pipeline(), repository)

    assert "(they have administration, production)" in found


def test_repository_without_such_workflows_has_no_finding(tmp_path: Path) -> None:
    assert list(workflow_findings(_pipeline(branches=("trunk",)), tmp_path)) == []
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    for name, text in (("a.yml", "on: push\njobs: {}"), ("b.yaml", "]"), ("c.yml", "jobs: [1]")):
        (tmp_path / ".github" / "workflows" / name).write_text(text)
    assert list(workflow_findings(_pipeline(branches=("trunk",)), tmp_path)) == []
