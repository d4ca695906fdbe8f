"""Whether the workflows of GitHub Actions and deployments.py name the same environments and
branches: where they do not, AWS refuses the jobs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from delegation.deployment.pipelines import GitHubPipeline
from delegation.errors import IN_DEPLOYMENTS

_FOLDER = Path(".github") / "workflows"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Workflow:
    path: Path
    environments: frozenset[str]
    """Those of its jobs, as they are written."""
    branches: tuple[str, ...] | None
    """Those whose pushes start it; None for any."""


def workflow_findings(pipeline: GitHubPipeline, folder: Path) -> Iterator[str]:
    """A sentence for each disagreement of a pipeline with the workflows of the git repository that
    a folder is in; none where the repository has no workflow with an environment."""
    workflows = [found for path in _files(folder) if (found := _read(path))]
    environments = {name for workflow in workflows for name in workflow.environments}
    if not environments or any("${{" in name for name in environments):
        return
    wanted = (pipeline.administration_environment, pipeline.runbooks_environment)
    for field, name in zip(("administration", "runbooks"), wanted, strict=True):
        if name not in environments:
            yield (
                f"{field}_environment of the pipeline is {name!r}, which no job of {_FOLDER} has "
                f"(they have {', '.join(sorted(environments))}): AWS would refuse every job; "
                f"change environment: in the workflow, or the name {IN_DEPLOYMENTS}"
            )
    for workflow in workflows:
        if workflow.environments & set(wanted) or len(workflows) == 1:
            yield from _branch_findings(pipeline, workflow)


def _branch_findings(pipeline: GitHubPipeline, workflow: _Workflow) -> Iterator[str]:
    if workflow.branches is None:
        return
    where = _FOLDER / workflow.path.name
    for branch in pipeline.branches:
        if branch not in workflow.branches:
            yield (
                f"branches of the pipeline has {branch!r}, whose pushes do not start {where} (on "
                f"push: {', '.join(workflow.branches) or 'none'}): nothing would be deployed from "
                f"it; change branches: in the workflow, or the name {IN_DEPLOYMENTS}"
            )
    for branch in workflow.branches:
        if branch not in pipeline.branches:
            yield (
                f"{where} starts on pushes to {branch!r}, which is not in branches of the pipeline "
                f"({', '.join(pipeline.branches)}): AWS would refuse its jobs; change branches: in "
                f"the workflow, or add the branch {IN_DEPLOYMENTS}"
            )


def _files(folder: Path) -> list[Path]:
    """The workflows of the nearest folder above that has any, up to the root of the repository."""
    for place in (folder, *folder.parents):
        found = sorted((place / _FOLDER).glob("*.y*ml"))
        if found or (place / ".git").exists():
            return found
    return []


def _read(path: Path) -> _Workflow | None:
    """A workflow with an environment; None for any other, and for a file that is no workflow, of
    which GitHub says so."""
    try:
        content: Any = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    jobs = content.get("jobs") if isinstance(content, Mapping) else None
    environments = {
        name
        for job in (jobs.values() if isinstance(jobs, Mapping) else ())
        if isinstance(job, Mapping) and (name := _environment(job.get("environment")))
    }
    if not environments:
        return None
    # YAML 1.1 takes the key ``on`` for true.
    branches = _pushed(content.get("on", content.get(True)))
    return _Workflow(path=path, environments=frozenset(environments), branches=branches)


def _environment(value: Any) -> str:
    named = value.get("name") if isinstance(value, Mapping) else value
    return named if isinstance(named, str) else ""


def _pushed(started_by: Any) -> tuple[str, ...] | None:
    """The branches whose pushes start a workflow; None where it does not say by name."""
    push = started_by.get("push") if isinstance(started_by, Mapping) else None
    branches = push.get("branches") if isinstance(push, Mapping) else None
    named = branches if isinstance(branches, list) else [branches]
    if any(not isinstance(name, str) or set("*?[!+") & set(name) for name in named):
        return None
    return tuple(map(str, named))
