"""``python -m delegation``: the author's and the administrator's commands on runbooks."""

import argparse
import io
import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from delegation.authoring.new_runbook import write_runbook
from delegation.authoring.sarif import as_sarif
from delegation.authoring.schema import runbook_schema
from delegation.configuration import load
from delegation.errors import DelegationError
from delegation.lock import accept
from delegation.project import DISTRIBUTION, read_release, upgrade_project, write_project
from delegation.runbooks.checks.findings import Finding
from delegation.runbooks.checks.rules import rules_table
from delegation.runbooks.runbook import Checked, check_runbook, runbook_files
from delegation.summary import what_steps_need, who_in_lines, who_may_do_what
from delegation.user_files import shown
from delegation.workflows import workflow_findings


def main() -> None:
    """Runs the command of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m delegation", description="The model of delegated administration."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    checking = commands.add_parser(
        "check",
        help="check runbooks: shape, meaning and delegation; exits 1 where something is found",
        description="Checks runbooks and their sidecars. A finding is one line: file, line and "
        "column, step and field, what was found, what is allowed, the nearest match, and the rule "
        "(docs/check.md). Without files, also the environments and branches that deployments.py "
        "and the workflows of GitHub Actions name. Exits 1 where something is found.",
    )
    needing = commands.add_parser(
        "needs",
        help="print the statements that each runbook's role needs, with the steps that need them",
        description="Prints, for each runbook, the statements its role needs, each with the step "
        "and the call that needs it.",
    )
    for command, run in ((checking, _check), (needing, _need)):
        command.add_argument(
            "files",
            nargs="*",
            type=Path,
            metavar="FILE",
            help="runbooks; without any, all of documents/",
        )
        command.set_defaults(run=run)
    checking.add_argument("--format", choices=("text", "json", "sarif"), default="text")
    needing.add_argument("--format", choices=("text", "json"), default="text")
    writing = commands.add_parser(
        "new",
        help="write a runbook to start from, with its sidecar",
        description="Writes documents/NAME.yaml, which passes the check, its sidecar, and "
        "runbook.schema.json, by which editors complete and check fields while you write.",
    )
    writing.add_argument("name", metavar="NAME", help="the document's name")
    writing.set_defaults(run=_new)
    describing = commands.add_parser(
        "schema", help="print the JSON Schema of runbooks, for editors that do not read the file"
    )
    describing.set_defaults(run=_schema)
    listing = commands.add_parser("rules", help="print the rules of the check, as a Markdown table")
    listing.set_defaults(run=_rules)
    accepting = commands.add_parser(
        "accept",
        help="record what the runbooks need in permissions.lock.json, and print what changed",
    )
    accepting.add_argument(
        "--dry-run", action="store_true", help="print what would change, and write nothing"
    )
    accepting.set_defaults(run=_accept)
    starting = commands.add_parser(
        "init",
        help="write a repository of your own, which depends on a release of this project",
        description="Writes a repository that depends on a wheel of this project: deployments.py, "
        "documents/, both locks, the Makefile, workflows and pinned packages. It may be a folder "
        "of a larger git repository.",
    )
    starting.add_argument("folder", type=Path, metavar="DIR", help="a new or empty folder")
    starting.set_defaults(run=_init)
    upgrading = commands.add_parser(
        "upgrade",
        help="write the files of another release into the repository in the working directory",
        description="Writes what belongs to the release of a wheel: Makefile, app.py, cdk.json, "
        "workflows and pinned packages. deployments.py, documents/ and the locks stay.",
    )
    upgrading.set_defaults(run=_upgrade)
    for command in (starting, upgrading):
        command.add_argument(
            "--wheel",
            type=Path,
            metavar="FILE",
            help="the release, as make wheel builds it (default: the one that is installed)",
        )
    showing = commands.add_parser(
        "who",
        help="print who may do what, with the reason for each statement: lines on a terminal, else "
        "a Markdown table",
    )
    showing.set_defaults(run=_show)
    arguments = parser.parse_args()
    arguments.run(arguments)


def _check(arguments: argparse.Namespace) -> None:
    checked = _checked(arguments.files)
    findings = [finding for each in checked for finding in each.findings]
    if arguments.format == "sarif":
        print(json.dumps(as_sarif(findings), indent=2))
    elif arguments.format == "json":
        print(json.dumps([finding.as_json() for finding in findings], indent=2))
    elif not findings:
        print(f"{_count(len(checked), 'runbook')} checked, nothing found")
    else:
        print("\n".join(map(str, findings)))
        print(f"{_count(len(checked), 'runbook')} checked, {_count(len(findings), 'finding')}")
    if findings:
        sys.exit(1)
    if not arguments.files:
        _check_workflows()


def _check_workflows() -> None:
    """Raises DelegationError where workflows and deployments.py disagree."""
    disagreements = [
        sentence
        for deployment in load().deployments
        if deployment.pipeline
        for sentence in workflow_findings(deployment.pipeline, Path.cwd())
    ]
    if disagreements:
        raise DelegationError("\nerror: ".join(disagreements))


def _need(arguments: argparse.Namespace) -> None:
    checked = _checked(arguments.files)
    _refuse(finding for each in checked for finding in each.findings)
    runbooks = [each.runbook for each in checked]
    print(what_steps_need(runbooks, as_json=arguments.format == "json"))


def _checked(files: list[Path]) -> list[Checked]:
    return [check_runbook(path) for path in files or runbook_files().values()]


def _refuse(findings: Iterable[Finding]) -> None:
    if lines := list(map(str, findings)):
        raise DelegationError("the check found:\n  " + "\n  ".join(lines))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _accept(arguments: argparse.Namespace) -> None:
    changes = accept(load().needs, is_tried=arguments.dry_run)
    print("\n".join(changes) or "nothing changed: permissions.lock.json is up to date")
    if changes:
        kept = "permissions.lock.json stays as it is"
        print(kept if arguments.dry_run else "written: permissions.lock.json")


def _init(arguments: argparse.Namespace) -> None:
    release = read_release(arguments.wheel)
    left = write_project(arguments.folder, release)
    print(f"{arguments.folder} depends on {DISTRIBUTION} {release.version}; next:")
    print(f"  cd {shlex.quote(str(arguments.folder))} && make check")
    for line in left:
        print(f"  {line}")


def _upgrade(arguments: argparse.Namespace) -> None:
    release = read_release(arguments.wheel)
    upgrade_project(Path(), release)
    print(f"now on {DISTRIBUTION} {release.version}; next: make check, then read git diff")


def _new(arguments: argparse.Namespace) -> None:
    for path in write_runbook(arguments.name):
        print(f"written: {shown(path)}")
    print(f"next: python -m delegation check; {arguments.name!r} in runbooks of deployments.py")


def _schema(arguments: argparse.Namespace) -> None:
    print(json.dumps(runbook_schema(), indent=1))


def _rules(arguments: argparse.Namespace) -> None:
    print(rules_table())


def _show(arguments: argparse.Namespace) -> None:
    configuration = load()
    if sys.stdout.isatty():
        print(who_in_lines(configuration, shutil.get_terminal_size().columns))
    else:
        print(who_may_do_what(configuration))


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        main()
        sys.stdout.flush()
    except DelegationError as error:
        sys.exit(f"error: {error}")
    except BrokenPipeError:  # anyone who read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
