"""A reviewed change told to GitHub: one comment, kept up to date, and the gate."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.acceptance import OWNED, accepted_by, code_owners, label
from pipeline.change import PAGE, Change, read_change
from pipeline.errors import PipelineError
from pipeline.github import Repository, event

_MARKER = "<!-- delegated administration: review of a change -->"
_BOT = "github-actions[bot]"
_LONGEST = 65_000
"""Characters; GitHub takes 65,536. Source: GitHub, error 422 of issue comments."""
_REVIEW = ".github/workflows/review.yml"


def report(folder: Path) -> bool:
    """Comments on the job's pull request; whether the change may be merged."""
    repository, change = Repository(), read_change(folder)
    pull_request = event().get("pull_request")
    verdict, may_merge = _verdict(repository, change, pull_request)
    body = "\n".join([_MARKER, verdict, "", (folder / PAGE).read_text("utf-8"), _links(change)])
    body = body if len(body) <= _LONGEST else f"{body[:_LONGEST]}\n…"
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        Path(summary).write_text(body, "utf-8")
    print(verdict)
    if pull_request and not _is_from_a_fork(pull_request):
        _comment(repository, int(pull_request["number"]), body)
    return may_merge


def reviewed_run(digest: str) -> int:
    """The number of the run in which the assembly of this digest was reviewed and might be merged.

    PipelineError where there is none.
    """
    repository = Repository()
    for artifact in repository.all(f"actions/artifacts?name=assembly-{digest}", "artifacts"):
        run = repository.get(f"actions/runs/{artifact['workflow_run']['id']}")
        if (
            not artifact["expired"]
            and run["path"] == _REVIEW
            and run["conclusion"] == "success"
            and (run.get("head_repository") or {}).get("full_name") == repository.name
        ):
            return int(run["id"])
    raise PipelineError(
        f"no successful review of the assembly {digest} is on record: this commit is not what its "
        f"pull request proposed, as when that was behind its branch; start the workflow review by "
        f"hand on this branch, read its summary, then run this again"
    )


def _verdict(
    repository: Repository, change: Change, pull_request: Mapping[str, Any] | None
) -> tuple[str, bool]:
    """The first line, and whether the change may be merged."""
    if change.is_broken:
        return "❌ **A promise of the access review is broken.**", False
    if not change.widening:
        return "✅ Nobody gains access.", True
    if pull_request is None:  # on the branch itself: it was merged, and the gate is its environment
        return "⚠️ **This widens access.**", True
    number, base = int(pull_request["number"]), str(pull_request["base"]["sha"])
    if who := accepted_by(repository, number, base, change.widening):
        return f"✅ This widens access, and `{who}` accepts it as a code owner.", True
    owners = ", ".join(f"`{owner}`" for owner in code_owners(repository, base))
    return (
        f"⚠️ **This widens access.** A code owner of `{OWNED}` ({owners}) accepts exactly this by "
        f"setting the label `{label(change.widening)}`.",
        False,
    )


def _links(change: Change) -> str:
    server, run = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_RUN_ID")
    repository = os.environ.get("GITHUB_REPOSITORY")
    if not (server and run):
        return ""
    return (
        f"Templates and access review: [artifact `assembly-{change.digest[:12]}…`]"
        f"({server}/{repository}/actions/runs/{run})\n"
    )


def _is_from_a_fork(pull_request: Mapping[str, Any]) -> bool:
    """Whether its job has a token that may not write; a deleted fork has no repository left."""
    head = (pull_request["head"].get("repo") or {}).get("full_name")
    return bool(head != pull_request["base"]["repo"]["full_name"])


def _comment(repository: Repository, number: int, body: str) -> None:
    for comment in _own(repository, number):
        repository.send("PATCH", f"issues/comments/{comment['id']}", {"body": body})
        return
    repository.send("POST", f"issues/{number}/comments", {"body": body})


def _own(repository: Repository, number: int) -> Iterator[Mapping[str, Any]]:
    """The comments that this has written before."""
    for comment in repository.all(f"issues/{number}/comments"):
        if comment["user"]["login"] == _BOT and comment["body"].startswith(_MARKER):
            yield comment
