"""The review of a change: access, templates, the account; as one page and as data for a gate."""

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline.access import has_credentials
from pipeline.assembly import Assembly
from pipeline.base import commit, has_uncommitted_changes, synthesized
from pipeline.change import PAGE, Change
from pipeline.comparison import compared
from pipeline.errors import PipelineError
from pipeline.template_changes import TemplateChange, template_changes

_FOUND = 2
_ID_LENGTH = 12
_MOST_ROWS = 20
_NO_DIFFERENCE = "There were no differences"
_MOST_DIFF = 50_000
"""Characters of a diff in the page; GitHub takes 65,536 for a comment."""


def review_change(folder: Path, base: str) -> Change:
    """Reviews the assembly in a folder against another commit, and leaves page and data there."""
    assembly = Assembly(folder)
    with (
        tempfile.TemporaryDirectory(prefix="pipeline-") as temporary,
        ThreadPoolExecutor() as pool,
    ):
        scratch = Path(temporary)
        promises = pool.submit(_reviewed, str(folder))
        diffs = pool.submit(lambda: list(_diffs(assembly, scratch)))
        before = synthesized(base, scratch)
        gained, access = _reviewed(str(folder), "--against", str(before))
        templates = list(template_changes(Assembly(before), assembly))
        is_broken, told = promises.result()
        change = Change(
            digest=assembly.digest,
            commit=commit("HEAD"),
            base=commit(base),
            widening=hashlib.sha256(access.encode()).hexdigest()[:_ID_LENGTH] if gained else "",
            is_broken=is_broken,
        )
        page = _page(change, access, told, templates, diffs.result())
    (folder / PAGE).write_text(page, "utf-8")
    change.write(folder)
    return change


def _reviewed(*arguments: str) -> tuple[bool, str]:
    """Whether the access review found something, and what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "review", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, _FOUND):
        raise PipelineError(f"the access review failed: {done.stderr.strip()}")
    return done.returncode == _FOUND, done.stdout.strip()


def _diffs(assembly: Assembly, scratch: Path) -> Iterator[tuple[str, str]]:
    if not has_credentials(assembly.stacks):
        return
    for target, diff in compared(assembly, scratch):
        yield target.shown, diff


def _page(
    change: Change,
    access: str,
    promises: str,
    templates: list[TemplateChange],
    diffs: list[tuple[str, str]],
) -> str:
    lines = [access, ""]
    broken = [line for line in promises.splitlines() if line.startswith("broken: ")]
    lines += [*(f"- **{_plain(line)}**" for line in broken), *([""] if broken else [])]
    lines += ["## What it does to templates", "", *_table(templates), ""]
    if not diffs:
        lines += ["Without AWS credentials it was not compared with the account.", ""]
    for shown, diff in diffs:
        if diff.endswith(_NO_DIFFERENCE):
            lines += [f"cdk diff of {shown}: no differences.", ""]
        else:
            lines += _details(f"cdk diff of {shown}", diff)
    lines += [
        f"Assembly `{change.digest}` of {change.commit[:_ID_LENGTH]}"
        f"{' with uncommitted changes' if has_uncommitted_changes() else ''} against "
        f"{change.base[:_ID_LENGTH]}.",
        "",
    ]
    return "\n".join(lines)


def _table(templates: list[TemplateChange]) -> Iterator[str]:
    if not templates:
        yield "They stay as they are."
        return
    yield "| stack | element | |"
    yield "|---|---|---|"
    for each in templates[:_MOST_ROWS]:
        yield f"| {_code(each.stack)} | {_code(each.element)} | {_code(each.what)} |"
    if len(templates) > _MOST_ROWS:
        yield ""
        yield f"And {len(templates) - _MOST_ROWS} more."


def _details(summary: str, text: str) -> Iterator[str]:
    """Text that is shown when it is asked for; whatever it holds, it ends nothing."""
    cut = text if len(text) <= _MOST_DIFF else f"{text[:_MOST_DIFF]}\n… cut, whole in the job's log"
    fence = "`" * (max((len(run) for run in _runs(cut)), default=0) + 3)
    yield f"<details><summary>{summary}</summary>"
    yield ""
    yield f"{fence}diff"
    yield cut
    yield fence
    yield "</details>"
    yield ""


def _runs(text: str) -> list[str]:
    runs, run = [], ""
    for character in text:
        run = run + character if character == "`" else ""
        if run:
            runs.append(run)
    return runs


def _code(text: str) -> str:
    """Text that Markdown takes literally, in a table as well."""
    return f"`{text.replace('`', chr(39)).replace('|', '/')}`"


def _plain(text: str) -> str:
    return text.replace("*", r"\*").replace("@", "&#64;")
