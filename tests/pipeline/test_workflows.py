"""The workflows: what they may do, and that they call nothing but the Makefile."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from delegation.deployment.pipelines import GitHubPipeline

_PROJECT = Path(__file__).resolve().parent.parent.parent
_FOLDER = _PROJECT / ".github" / "workflows"
_WORKFLOWS = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in _FOLDER.iterdir()}
_JOBS = [(name, job) for name, workflow in _WORKFLOWS.items() for job in workflow["jobs"]]
_PLAIN = re.compile(
    r"""(make\ [A-Za-z0-9_=^\ -]+(?:DIGEST="\$DIGEST")?(?:\ >>\ "\$GITHUB_OUTPUT")?
    |(\w+)=\$\(make\ --silent\ \w+\)\necho\ "\2=\$\2"\ >>\ "\$GITHUB_OUTPUT"\n
    |cat\ cdk\.out/change\.md\ >>\ "\$GITHUB_STEP_SUMMARY")""",
    re.VERBOSE,
)


def _job(workflow: str, job: str) -> dict[str, Any]:
    found: dict[str, Any] = _WORKFLOWS[workflow]["jobs"][job]
    return found


def test_each_job_may_do_what_it_needs_and_no_more() -> None:
    assert {name: _WORKFLOWS[name]["permissions"] for name in _WORKFLOWS} == {
        "check": {},
        "review": {},
        "deploy": {},
        "doctor": {},
    }
    read, token = {"contents": "read"}, {"id-token": "write"}
    assert {f"{w}/{j}": _job(w, j)["permissions"] for w, j in _JOBS} == {
        "check/check": read,
        "check/test": read,
        "review/review": {**read, **token},
        "review/report": {**read, "pull-requests": "write"},
        "deploy/plan": {**read, **token},
        "deploy/administration": {**read, **token},
        "deploy/runbooks": {**read, **token},
        "doctor/doctor": {**read, **token},
    }


@pytest.mark.parametrize(("workflow", "job"), _JOBS)
def test_steps_are_pinned_actions_and_targets_of_the_makefile(workflow: str, job: str) -> None:
    makefiles = (_PROJECT / "Makefile", _PROJECT / "delegation/project_template/Makefile")
    texts = "\n".join(path.read_text("utf-8") for path in makefiles)
    targets = set(re.findall(r"^([a-z]+):", texts, re.M))

    for step in _job(workflow, job)["steps"]:
        if "uses" in step:
            assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", step["uses"])
            continue
        assert _PLAIN.fullmatch(step["run"]), step["run"]
        for target in re.findall(r"make (?:--silent )?([a-z]+)", step["run"]):
            assert target in targets


def test_deployments_run_one_at_a_time_and_are_never_cut_off() -> None:
    assert _WORKFLOWS["deploy"]["concurrency"] == {
        "group": "deploy",
        "cancel-in-progress": False,
    }


def test_environments_are_those_that_the_roles_trust_by_default() -> None:
    pipeline = GitHubPipeline(repositories=("octo-org/runbooks",))

    assert pipeline.administration_environment == _job("deploy", "administration")["environment"]
    assert pipeline.runbooks_environment == _job("deploy", "runbooks")["environment"]
    assert [w for w, j in _JOBS if "environment" in _job(w, j)] == ["deploy", "deploy"]


def test_no_workflow_runs_with_the_rights_of_the_base_for_a_pull_request() -> None:
    triggers = {name: set(workflow[True]) for name, workflow in _WORKFLOWS.items()}

    assert triggers == {
        "check": {"merge_group", "pull_request", "push"},
        "review": {"merge_group", "pull_request"},
        "deploy": {"push", "workflow_dispatch"},
        "doctor": {"schedule", "workflow_dispatch"},
    }


@pytest.mark.parametrize(
    ("arguments", "recipe"),
    [
        (("deploy", "DIGEST="), 'python -m pipeline deploy --assembly "$ASSEMBLY" --digest'),
        (("review", "BASE="), 'python -m pipeline review --base="$BASE"'),
        (("deploy",), "cdk deploy --all"),
        (("review",), "python -m review"),
    ],
)
def test_empty_variable_is_no_variable_that_is_not_there(
    arguments: tuple[str, ...], recipe: str
) -> None:
    """What a step that failed leaves empty must not be another task."""
    done = subprocess.run(
        ("make", "--dry-run", *arguments),
        cwd=_PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert recipe in done.stdout
