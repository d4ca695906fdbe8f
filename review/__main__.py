"""``python -m review``: who can do what, proved from the templates alone."""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from review.access_review import AccountReview, Review, review
from review.alike_accounts import grouped, listed
from review.command_line import FOUND, Parser
from review.diff.changes import change
from review.errors import ReviewError
from review.iam.engine import Engine
from review.invariants.invariant import Verdict
from review.lock.ceiling import compare
from review.lock.facts import facts_of
from review.lock.file import NAME as LOCK
from review.lock.file import accepted_before, read, rendered
from review.report.as_json import review_json
from review.report.markdown import change_markdown
from review.report.pages import NAME, write_pages
from review.report.texts import counted, environment_of, verdicts
from review.templates.assembly import ANY_ACCOUNT, ANY_REGION, given_environment, read_templates


def main() -> int:
    """Runs the command; its exit status."""
    options = _options()
    environment = given_environment(
        account=options.account, region=options.region, partition=options.partition
    )
    with Engine() as engine:
        reviewed = review(engine, read_templates(options.folder, environment))
        if options.check:
            return _check(reviewed)
        if options.accept:
            return _accept(reviewed, is_tried=options.dry_run)
        if options.against is None:
            return _write(reviewed, options.output or options.folder, as_json=options.json)
        before = review(engine, read_templates(options.against, environment))
    changed = change(before, reviewed)
    print(change_markdown(changed), end="")
    return FOUND if changed.widens else 0


def _options() -> argparse.Namespace:
    parser = Parser(
        prog="python -m review",
        description="Who can do what once these templates are deployed, proved from them alone: "
        f"writes {NAME}.html and {NAME}.md. Exit status: 0; 1 for what cannot be reviewed; "
        f"{FOUND} where an invariant is violated, or, with --against, where anybody gains access.",
    )
    parser.add_argument(
        "folder",
        metavar="DIR",
        nargs="?",
        type=Path,
        default=Path("cdk.out"),
        help="a cloud assembly of the CDK, or a folder of templates (default: cdk.out)",
    )
    parser.add_argument(
        "--against",
        metavar="OTHER_DIR",
        type=Path,
        help="print what becomes of access when OTHER_DIR becomes DIR, as Markdown",
    )
    locking = parser.add_mutually_exclusive_group()
    locking.add_argument(
        "--check",
        action="store_true",
        help=f"compare with {LOCK} in the working directory, and write no page: what is gained "
        f"ends with {FOUND}, what is lost is a notice",
    )
    locking.add_argument(
        "--accept", action="store_true", help=f"write {LOCK}, and print what it gains and loses"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="with --accept: print it, and write nothing"
    )
    parser.add_argument(
        "--json", action="store_true", help="print the review as JSON, and write no page"
    )
    parser.add_argument(
        "--output", metavar="FOLDER", type=Path, help="where the pages go (default: DIR)"
    )
    parser.add_argument(
        "--account",
        type=_account,
        help=f"the account of templates that fix none, 12 digits (default: {ANY_ACCOUNT})",
    )
    parser.add_argument(
        "--region",
        help=f"the Region of templates that name none (default: {ANY_REGION})",
    )
    parser.add_argument("--partition", help="its partition (default: the one of the Region)")
    options = parser.parse_args()
    if options.dry_run and not options.accept:
        parser.error("--dry-run is with --accept")
    if options.against and (options.json or options.output):
        parser.error("--against prints Markdown: it takes neither --json nor --output")
    return options


def _account(text: str) -> str:
    if not (len(text) == 12 and text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not 12 digits")
    return text


def _check(reviewed: Review) -> int:
    """Holds the review against the lock file, a line for each finding."""
    violated = list(_violations(reviewed))
    compared = compare(read(Path(LOCK)), facts_of(reviewed))
    for loss in compared.losses:
        print(f"notice: {loss}")
    for line in (*violated, *(f"gained: {gain}" for gain in compared.gains)):
        print(line, file=sys.stderr)
    if compared.gains:
        print(
            f"error: this is more than {LOCK} accepts; to accept it: make accept, and the owners "
            f"of that file approve the change",
            file=sys.stderr,
        )
    if violated or compared.gains:
        return FOUND
    print(f"access is within {LOCK}, and every invariant holds")
    return 0


def _accept(reviewed: Review, *, is_tried: bool) -> int:
    """Writes the lock file, unless that is only tried or an invariant is violated."""
    violated = list(_violations(reviewed))
    if violated:
        print("\n".join(violated), file=sys.stderr)
        raise ReviewError(f"{LOCK} stays as it is: an invariant is violated, which nobody accepts")
    path, found = Path(LOCK), facts_of(reviewed)
    compared = compare(accepted_before(path), found)
    if not is_tried:
        path.write_text(rendered(found), "ascii")
    lines = [*(f"+ {gain}" for gain in compared.gains), *(f"- {loss}" for loss in compared.losses)]
    print("\n".join(lines) or f"nothing changed: {LOCK} is up to date")
    if lines:
        print(f"{LOCK} stays as it is" if is_tried else f"written: {LOCK}")
    return 0


def _summary(account: AccountReview) -> str:
    """How much everybody can do, and how many invariants hold."""
    access = (f"  {each.principal.title}: {counted(each)}" for each in account.accesses)
    return "\n".join((*access, f"  {verdicts(account)}"))


def _violations(reviewed: Review) -> Iterator[str]:
    found = (
        (account.account.environment.account, f"{invariant.sentence}: {finding}", account)
        for account in reviewed.accounts
        for invariant in account.having(Verdict.VIOLATED)
        for finding in invariant.findings
    )
    for text, accounts in grouped(found):
        numbers = listed(each.account.environment.account for each in accounts)
        where = f" in {len(accounts)} accounts ({numbers})" if len(accounts) > 1 else ""
        yield f"violated{where}: {text}"


def _write(reviewed: Review, folder: Path, *, as_json: bool) -> int:
    """Writes the pages, or prints the data, and lists what is violated."""
    if as_json:
        print(review_json(reviewed), end="")
        return FOUND if reviewed.violated else 0
    try:
        pages = write_pages(reviewed, folder)
    except OSError as error:
        raise ReviewError(
            f"the pages cannot be written: {error}; name a folder: --output"
        ) from None
    summaries = ((a.account.environment.account, _summary(a), a) for a in reviewed.accounts)
    for text, accounts in grouped(summaries):
        print("\n".join((*map(environment_of, accounts), text)))
    for line in _violations(reviewed):
        print(line)
    print(f"written: {', '.join(map(str, pages))}")
    return FOUND if reviewed.violated else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ReviewError as error:
        sys.exit(f"error: {error}")
    except BrokenPipeError:  # anyone who read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
