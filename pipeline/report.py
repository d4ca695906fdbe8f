"""A review of a change as one comment on its pull request, kept up to date."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.change_record import PAGE, ChangeRecord, read_record
from pipeline.github import GitHubRefused, Repository, event

LOCK = "access.lock.md"
"""The file whose code owners approve a gain of access."""
_MARKER = "<!-- delegated administration: review of a change -->"
_BOT = "github-actions[bot]"
_LONGEST = 65_000
"""Characters; GitHub takes 65,536. Source: GitHub, error 422 of issue comments."""
_FORBIDDEN = 403
_NO_REVIEW = "❌ **The review failed.** Read the log of its job."


def report(folder: Path) -> bool:
    """Comments on the job's pull request; whether there is a review, and every invariant holds.

    Where no review is left in the folder it says so, in place of an older comment.
    """
    repository, started_by = Repository(), event()
    verdict, holds, page = _NO_REVIEW, False, ""
    if (folder / PAGE).exists():
        record, page = read_record(folder), (folder / PAGE).read_text("utf-8")
        verdict, holds = _verdict(record), not record.violates_invariants
    body = "\n".join([_MARKER, verdict, "", page, _run()])
    if len(body) > _LONGEST:
        body = f"{_MARKER}\n{verdict}\n\nThe page is too long for a comment.\n\n{_run()}"
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        Path(summary).write_text(body, "utf-8")
    print(verdict)
    pull_request = started_by.get("pull_request")
    if pull_request:
        _comment(repository, int(pull_request["number"]), body)
    return holds


def _verdict(record: ChangeRecord) -> str:
    if record.violates_invariants:
        return "❌ **An invariant of the access review is violated.**"
    if record.gains_access:
        return f"⚠️ **This change gains access.** The owners of `{LOCK}` approve it, or do not."
    return "✅ Nobody gains access."


def _run() -> str:
    server, run = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_RUN_ID")
    repository = os.environ.get("GITHUB_REPOSITORY")
    if not (server and run):
        return ""
    return (
        f"Templates, access review and diffs: [artifact of this run]"
        f"({server}/{repository}/actions/runs/{run})\n"
    )


def _comment(repository: Repository, number: int, body: str) -> None:
    """Writes the comment, or says why there is none: a fork's job may not, nor Dependabot's."""
    existing = next(_own(repository, number), None)
    try:
        if existing:
            repository.send("PATCH", f"issues/comments/{existing['id']}", {"body": body})
        else:
            repository.send("POST", f"issues/{number}/comments", {"body": body})
    except GitHubRefused as error:
        if error.status != _FORBIDDEN:
            raise
        print("this job may not comment; the review stands in its summary")


def _own(repository: Repository, number: int) -> Iterator[Mapping[str, Any]]:
    """The comments that this has written before."""
    for comment in repository.all(f"issues/{number}/comments"):
        who = (comment.get("user") or {}).get("login")
        if who == _BOT and comment["body"].startswith(_MARKER):
            yield comment
