"""``python -m review``: who can do what, proved from the templates alone."""

import argparse
import os
import sys
from pathlib import Path

from review.access_review import Review, review
from review.command_line import FOUND, Parser
from review.diff.changes import change
from review.errors import ReviewError
from review.iam.engine import Engine
from review.report.as_json import review_json
from review.report.markdown import change_markdown
from review.report.pages import NAME, write_pages
from review.report.texts import counted, place_of, verdicts
from review.templates.assembly import ANY_ACCOUNT, ANY_REGION, given_place, read_templates


def main() -> int:
    """Runs the command; its exit status."""
    options = _options()
    place = given_place(account=options.account, region=options.region, partition=options.partition)
    with Engine() as engine:
        reviewed = review(engine, read_templates(options.folder, place))
        if options.against is None:
            return _write(reviewed, options.output or options.folder, as_json=options.json)
        before = review(engine, read_templates(options.against, place))
    changed = change(before, reviewed)
    print(change_markdown(changed), end="")
    return FOUND if changed.widens else 0


def _options() -> argparse.Namespace:
    parser = Parser(
        prog="python -m review",
        description="Who can do what once these templates are deployed, proved from them alone: "
        f"writes {NAME}.html and {NAME}.md. Exit status: 0; 1 for what cannot be reviewed; "
        f"{FOUND} where a promise is broken, or, with --against, where anybody gains anything.",
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
    if options.against and (options.json or options.output):
        parser.error("--against prints Markdown: it takes neither --json nor --output")
    return options


def _account(text: str) -> str:
    if not (len(text) == 12 and text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not 12 digits")
    return text


def _write(reviewed: Review, folder: Path, *, as_json: bool) -> int:
    """Writes the pages, or prints the data, and says what is broken."""
    if as_json:
        print(review_json(reviewed), end="")
        return FOUND if reviewed.broken else 0
    try:
        pages = write_pages(reviewed, folder)
    except OSError as error:
        raise ReviewError(
            f"the pages cannot be written: {error}; name a folder: --output"
        ) from None
    for account in reviewed.accounts:
        print(place_of(account))
        for access in account.accesses:
            print(f"  {access.principal.title}: {counted(access)}")
        print(f"  {verdicts(account)}")
    for promise in reviewed.broken:
        print(f"broken: {promise.sentence}")
        for finding in promise.findings:
            print(f"  {finding}")
    print(f"written: {', '.join(map(str, pages))}")
    return FOUND if reviewed.broken else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ReviewError as error:
        sys.exit(f"error: {error}")
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
