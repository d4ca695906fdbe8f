"""The review of a change: access, templates, the account; as one page and as a record."""

import os
import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline.account_diff import account_diffs
from pipeline.baseline import commit, has_uncommitted_changes, synthesized
from pipeline.change_record import PAGE, ChangeRecord, forget
from pipeline.credentials import account_of_environment, can_compare
from pipeline.errors import PipelineError
from pipeline.template_changes import TemplateChange, template_changes
from review.access_review import Review, review
from review.diff.changes import Change, change
from review.errors import ReviewError
from review.iam.engine import Engine
from review.report.markdown import change_markdown, code
from review.report.pages import write_pages
from review.templates.assembly import given_environment, read_templates
from review.templates.cloud_assembly import Assembly

_SHORT = 12
_MOST_ROWS = 20
_MOST_DIFF = 40_000
"""Characters of all diffs on the page together; GitHub takes 65,536 for a comment."""


def review_change(folder: Path, base: str) -> ChangeRecord:
    """Reviews the assembly in a folder against another commit.

    Leaves the page, the record, the access review and each stack's diff beside the assembly.
    """
    forget(folder)
    assembly = Assembly(folder)
    base = commit(base)
    with (
        tempfile.TemporaryDirectory(prefix="pipeline-") as temporary,
        ThreadPoolExecutor() as pool,
    ):
        diffs = pool.submit(lambda: list(_diffs(assembly, Path(temporary))))
        before = Assembly(synthesized(base, Path(temporary)))
        reviewed, access = _access(before.folder, folder)
        page = [
            change_markdown(access),
            *_violated(reviewed),
            "## What it does to templates",
            "",
            *_table(list(template_changes(before, assembly))),
            "",
            *_account(diffs.result()),
        ]
    record = ChangeRecord(
        digest=assembly.digest,
        commit=commit("HEAD"),
        base=base,
        gains_access=access.widens,
        violates_invariants=bool(reviewed.violated),
    )
    state = " with uncommitted changes" if has_uncommitted_changes() else ""
    page += [
        f"Assembly `{record.digest}` of {record.commit[:_SHORT]}{state} against {base[:_SHORT]}.",
        "",
    ]
    (folder / PAGE).write_text("\n".join(page), "utf-8")
    record.write(folder)
    return record


def _access(before: Path, after: Path) -> tuple[Review, Change]:
    """The access review, whose pages are left beside the assembly, and what becomes of access."""
    environment = given_environment(
        account=account_of_environment(), region=os.environ.get("AWS_REGION") or None
    )
    try:
        with Engine() as engine:
            old = review(engine, read_templates(before, environment))
            new = review(engine, read_templates(after, environment))
    except ReviewError as error:
        raise PipelineError(f"the access review failed: {error}") from None
    write_pages(new, after)
    return new, change(old, new)


def _diffs(assembly: Assembly, scratch: Path) -> Iterator[tuple[str, str]]:
    if not can_compare(assembly):
        return
    for target, diff in account_diffs(assembly, scratch):
        (assembly.folder / f"{target.stack.id}.diff").write_text(f"{diff}\n", "utf-8")
        yield str(target), diff


def _violated(reviewed: Review) -> Iterator[str]:
    for invariant in reviewed.violated:
        yield f"- ❌ violated: {code(invariant.sentence)}"
        yield from (f"  - {code(finding)}" for finding in invariant.findings)
    if reviewed.violated:
        yield ""


def _table(templates: list[TemplateChange]) -> Iterator[str]:
    if not templates:
        yield "They stay as they are."
        return
    yield "| stack | element | |"
    yield "|---|---|---|"
    for each in templates[:_MOST_ROWS]:
        yield f"| {code(each.stack)} | {code(each.element)} | {code(each.what)} |"
    if len(templates) > _MOST_ROWS:
        yield ""
        yield f"And {len(templates) - _MOST_ROWS} more."


def _account(diffs: list[tuple[str, str]]) -> Iterator[str]:
    if not diffs:
        yield "Without AWS credentials it was not compared with the account."
        yield ""
    room = _MOST_DIFF
    for shown, diff in diffs:
        if not diff:
            yield f"cdk diff of {shown}: no differences."
            yield ""
            continue
        yield from _details(f"cdk diff of {shown}", diff[:room], is_cut=len(diff) > room)
        room = max(0, room - len(diff))


def _details(summary: str, text: str, *, is_cut: bool) -> Iterator[str]:
    """Text that is shown when it is asked for; whatever it holds, it ends nothing."""
    fence = "`" * max((len(run) + 1 for run in re.findall("`+", text)), default=3)
    fence = fence.ljust(3, "`")
    yield f"<details><summary>{summary}</summary>"
    yield ""
    yield f"{fence}diff"
    yield text
    yield fence
    if is_cut:
        yield "Cut here; the artifact has it whole, in a file `.diff` for each stack."
    yield "</details>"
    yield ""
