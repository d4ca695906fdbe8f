"""A reviewed change told to GitHub: one comment, kept up to date, and the gate."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.acceptance import OWNED, accepted_by, code_owners, label
from pipeline.change_record import PAGE, ChangeRecord, read_record
from pipeline.errors import PipelineError
from pipeline.github import GitHubRefused, Repository, event

_MARKER = "<!-- delegated administration: review of a change -->"
_BOT = "github-actions[bot]"
_LONGEST = 65_000
"""Characters; GitHub takes 65,536. Source: GitHub, error 422 of issue comments."""
_REVIEW = ".github/workflows/review.yml"
_FORBIDDEN = 403
_NO_REVIEW = "❌ **The review failed.** Read the log of its job."


def report(folder: Path) -> bool:
    """Comments on the job's pull request; whether the change may be merged.

    Where no review is left in the folder it says so, in place of an older comment.
    """
    repository, started_by = Repository(), event()
    verdict, may_merge, page = _NO_REVIEW, False, ""
    if (folder / PAGE).exists():
        record, page = read_record(folder), (folder / PAGE).read_text("utf-8")
        verdict, may_merge = _verdict(repository, record, started_by)
    body = "\n".join([_MARKER, verdict, "", page, _run()])
    if len(body) > _LONGEST:
        body = f"{_MARKER}\n{verdict}\n\nThe page is too long for a comment.\n\n{_run()}"
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        Path(summary).write_text(body, "utf-8")
    print(verdict)
    pull_request = started_by.get("pull_request")
    if pull_request:
        _comment(repository, int(pull_request["number"]), body)
    return may_merge


def reviewed_run(digest: str) -> int:
    """The number of the run that reviewed the assembly of this digest, for the pull request by
    which the job's commit was merged, or on the default branch by hand.

    PipelineError where there is none that ended well.
    """
    repository = Repository()
    default = _default_branch(event())
    sha = os.environ.get("GITHUB_SHA", "")
    merged = {
        pull["head"]["sha"]: pull["number"]
        for pull in (repository.get(f"commits/{sha}/pulls") if sha else [])
        if pull.get("merged_at") and pull["base"]["ref"] == default
    }
    for artifact in repository.all(f"actions/artifacts?name=assembly-{digest}", "artifacts"):
        number = (artifact.get("workflow_run") or {}).get("id")
        if number is None or artifact["expired"]:
            continue
        try:
            run = repository.get(f"actions/runs/{number}")
        except GitHubRefused:
            continue  # it was deleted
        ended_well = run["path"] == _REVIEW and run["conclusion"] == "success"
        if ended_well and (_is_of(run, merged, default) or _is_by_hand(run, sha)):
            return int(run["id"])
    raise PipelineError(
        f"no successful review of the assembly {digest} is on record for this commit: its pull "
        f"request was behind its branch, or merged without the checks, or its artifact has "
        f"expired; start the workflow review by hand on this branch, read its summary, then run "
        f"this again"
    )


def _is_of(run: Mapping[str, Any], merged: Mapping[str, int], default: str) -> bool:
    """Whether a run was of one of these pull requests, by their heads; of a fork's, GitHub tells
    no number."""
    if run["event"] != "pull_request" or run["head_sha"] not in merged:
        return False
    told = [(each["number"], each["base"]["ref"]) for each in run.get("pull_requests") or ()]
    return not told or (merged[run["head_sha"]], default) in told


def _is_by_hand(run: Mapping[str, Any], sha: str) -> bool:
    return (run["event"], run["head_sha"]) == ("workflow_dispatch", sha)


def _verdict(
    repository: Repository, record: ChangeRecord, started_by: Mapping[str, Any]
) -> tuple[str, bool]:
    """The first line, and whether the change may be merged."""
    default = _default_branch(started_by)
    pull_request = started_by.get("pull_request")
    base = pull_request["base"]["ref"] if pull_request else _branch()
    if base != default:
        return f"❌ **This is no change of `{default}`**, and is not judged as one.", False
    if record.is_broken:
        return "❌ **A promise of the access review is broken.**", False
    if not record.is_widening:
        return "✅ Nobody gains access.", True
    if pull_request is None:  # it was merged: the gate is the environment
        return "⚠️ **This widens access.**", True
    owners = code_owners(repository, default)
    if who := accepted_by(repository, int(pull_request["number"]), record.digest, owners):
        return f"✅ This widens access, and `{who}` accepts it as a code owner.", True
    return (
        f"⚠️ **This widens access.** A code owner of `{OWNED}` "
        f"({', '.join(f'`{owner}`' for owner in owners)}) accepts exactly this by setting the "
        f"label `{label(record.digest)}`.",
        False,
    )


def _default_branch(started_by: Mapping[str, Any]) -> str:
    return str(started_by["repository"]["default_branch"])


def _branch() -> str:
    return os.environ.get("GITHUB_REF", "").removeprefix("refs/heads/")


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
