"""Shows what waits for an approval, and answers it."""

import argparse
import difflib
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from operate import questions
from operate.connection import Connection, explained
from operate.errors import AwsError, Exit, OperateError
from operate.executions.approval import WaitingApproval, approvals_of, waiting_approvals
from operate.executions.execution import read_run
from operate.executions.finding import id_to_change
from operate.executions.following import watch_again
from operate.executions.starting import is_surely_refused
from operate.runbooks import catalog
from operate.runbooks.catalog import Runbook
from operate.runbooks.describing import limit_lines
from operate.screen import Screen, console, print_json, print_table, say, who, write_values
from operate.times import local, took, utc

_HEADINGS = ("runbook", "version", "started by", "reason", "waits", "approvals")
_CONTEXT = 2
"""Lines around a difference."""
_DIFFERENCE_COLOURS = {"+": "green", "-": "red"}


def approvals(connection: Connection, options: argparse.Namespace) -> Exit:
    """Prints what waits for the caller's approval."""
    waiting, others, hidden = _waiting(connection)
    if options.all:
        waiting, others = [*waiting, *others], []
    if options.output == "json":
        print_json([_described(each) for each in waiting])
    else:
        rows = [
            (*_row(each), *((", ".join(map(who, each.step.approvers)),) if options.all else ()))
            for each in waiting
        ]
        print_table(console(), (*_HEADINGS, "run", *(("by",) if options.all else ())), rows)
    if not waiting:
        say(f"nothing in {connection.region} waits for {'' if options.all else 'your '}approval")
    if others:
        say(f"for others wait: {len(others)}; --all shows them")
    if hidden:
        say(f"not shown, as you may not read them: {hidden}")
    return Exit.SUCCESS


def approve(connection: Connection, options: argparse.Namespace) -> Exit:
    """Answers the approval that a run waits for: yes."""
    return _answer(connection, options, "Approve", "approved")


def reject(connection: Connection, options: argparse.Namespace) -> Exit:
    """Answers the approval that a run waits for: no."""
    return _answer(connection, options, "Reject", "rejected")


def _answer(connection: Connection, options: argparse.Namespace, signal: str, done: str) -> Exit:
    """Shows what waits for approval, and answers it."""
    asked = questions.terminal(options)
    if options.id:
        run = read_run(connection, id_to_change(connection, options.id))
        if run.has_ended:
            raise OperateError(f"the run has ended: {run.status}")
        waiting = next(approvals_of(run), None)
        if waiting is None:
            raise OperateError(f"the run does not wait for an approval: {run.status}")
    else:
        waiting = _chosen(connection, asked, signal)
    screen = console(sys.stderr if options.output == "json" else None)
    _show(connection, waiting, screen)
    if asked:
        questions.confirm(asked, f"{signal.lower()}?")
    _send(connection, waiting, signal, options.comment)
    if options.output == "json":
        print_json({"AutomationExecutionId": waiting.run.id, "SignalType": signal})
    screen.write(f"{done}; watch it:")
    screen.command(watch_again(waiting.run.id))
    return Exit.SUCCESS


def _send(
    connection: Connection, waiting: WaitingApproval, signal: str, comment: str | None
) -> None:
    """Answers the step that was shown, and once: an answer that was lost may have arrived, and
    given again it would answer another step, which was not shown."""
    run = read_run(connection, waiting.run.id)
    if all(each.step.id != waiting.step.id for each in approvals_of(run)):
        raise OperateError(f"{waiting.step.name} does not wait any more: nothing was answered")
    payload = {"Payload": {"Comment": [comment]}} if comment else {}
    unknown = (
        f"it is not known whether the answer arrived; see before you answer again: "
        f"{watch_again(run.id)}"
    )
    try:
        connection.once("ssm").send_automation_signal(
            AutomationExecutionId=run.id, SignalType=signal, **payload
        )
    except KeyboardInterrupt:
        raise OperateError(f"stopped while answering: {unknown}", status=Exit.UNKNOWN) from None
    except AwsError as error:
        if is_surely_refused(error):
            raise explained(error, f"could not ask AWS to {signal.lower()} {run.id}") from None
        said = explained(error, f"to {signal.lower()} {run.id}", status=Exit.UNKNOWN)
        raise OperateError(f"{said}\n{unknown}", status=Exit.UNKNOWN) from None


def _chosen(connection: Connection, asked: Screen | None, signal: str) -> WaitingApproval:
    """The approval that the caller chooses on their terminal."""
    found, _, _ = _waiting(connection)
    if not found:
        raise OperateError(f"nothing in {connection.region} waits for your approval")
    if asked is None:
        ids = "\n".join(f"  {each.run.id} {each.run.runbook}" for each in found)
        raise OperateError(f"give the ID of what you {signal.lower()}:\n{ids}")
    print_table(
        asked,
        ("number", *_HEADINGS),
        [(str(number), *_row(each)[:-1]) for number, each in enumerate(found, start=1)],
    )
    ids_ = [each.run.id for each in found]
    return found[questions.choice(asked, f"{signal.lower()} which?", ids_)]


def _waiting(
    connection: Connection,
) -> tuple[list[WaitingApproval], list[WaitingApproval], int]:
    """The approvals that wait for the caller, those that wait for others, and of how many
    executions that is not known. Everything waits for a caller whom AWS does not name."""
    mine: list[WaitingApproval] = []
    others: list[WaitingApproval] = []
    hidden = 0
    for each in waiting_approvals(connection):
        if each is None:
            hidden += 1
        elif connection.caller is None or each.is_for(connection.caller):
            mine.append(each)
        else:
            others.append(each)
    return mine, others, hidden


def _row(waiting: WaitingApproval) -> tuple[str, ...]:
    run = waiting.run
    return (
        *(run.runbook, run.version, who(run.starter), waiting.reason),
        *(took(waiting.step.started, None), waiting.progress, run.id),
    )


def _described(waiting: WaitingApproval) -> dict[str, Any]:
    run = waiting.run
    return {
        "AutomationExecutionId": run.id,
        "DocumentName": run.runbook,
        "DocumentVersion": run.version,
        "ExecutedBy": run.starter,
        "Parameters": dict(run.parameters),
        "Reason": waiting.reason,
        "Message": waiting.message,
        "WaitsSince": utc(waiting.step.started),
        "Approvers": list(waiting.step.approvers),
        "NeededApprovals": waiting.needed,
        "Answers": waiting.answers,
    }


def _show(connection: Connection, waiting: WaitingApproval, screen: Screen) -> None:
    """What an approver has to know: who started what with which values, what it does, what limits
    it, and what has changed since the version before."""
    run = waiting.run
    screen.write(f"{run.runbook}, version {run.version}, started by {who(run.starter)}")
    screen.write(f"  run {run.id}")
    screen.write(f"  waits since {local(waiting.step.started)}, approvals {waiting.progress}")
    for answer in waiting.answers:
        screen.write(f"  {answer}")
    write_values(screen, run.parameters)
    for line in filter(None, waiting.message.split("\n")):
        screen.write(f"  {line}", is_cut=False)
    runbook = _read(connection, screen, run.runbook, run.version)
    if runbook is None:
        return
    if runbook.created and runbook.created > run.started:
        screen.write(
            "this version was made after the run began, in place of the one that runs: what is "
            "shown is not what you approve",
            style="bold red",
        )
    screen.write(f"runs as {runbook.role or 'its starter'}")
    _show_steps(screen, "steps", runbook)
    children = []
    for name, version in runbook.children:
        if child := _read(connection, screen, name, version):
            children.append(child)
            which = f"version {child.version}" + ("" if version else ", the default now")
            _show_steps(screen, f"steps of {child.name}, {which}", child)
    # The tag that instances must have stands in the message: approvers may not list documents.
    limits = [line for each in (runbook, *children) for line in limit_lines(each, of_tags=False)]
    _show_lines(screen, "limits", limits)
    for each in (runbook, *children):
        _show_difference(connection, screen, each)


def _read(connection: Connection, screen: Screen, name: str, version: str) -> Runbook | None:
    """A version of a runbook, the default without one; None where that cannot be read, which is
    said."""
    try:
        return catalog.read_runbook(connection, name, version or None)
    except OperateError as error:
        screen.write(f"steps, limits and changes of {name} are not shown:", style="bold")
        for line in str(error).split("\n"):
            screen.write(f"  {line}")
        return None


def _show_steps(screen: Screen, title: str, runbook: Runbook) -> None:
    lines = [
        " ".join(filter(None, (step.name, f"({step.action})", step.description)))
        for step in runbook.steps
    ]
    _show_lines(screen, title, lines)


def _show_lines(screen: Screen, title: str, lines: Sequence[str]) -> None:
    screen.write(title, style="bold")
    for line in lines or ("none",):
        screen.write(f"  {line}")


def _show_difference(connection: Connection, screen: Screen, runbook: Runbook) -> None:
    """What a version changes of the one before it."""
    try:
        before = catalog.version_before(connection, runbook)
    except OperateError as error:
        screen.write(f"{runbook.name}: changes are not shown:", style="bold")
        for line in str(error).split("\n"):
            screen.write(f"  {line}")
        return
    if before is None:
        is_first = runbook.version == "1"
        what = "is the first version" if is_first else "is all that is kept: nothing to compare"
        screen.write(f"{runbook.name}: version {runbook.version} {what}", style="bold")
        return
    title = f"{runbook.name}: changes of version {runbook.version} since version {before.version}"
    screen.write(title, style="bold")
    found = difflib.unified_diff(
        _lines(before.content), _lines(runbook.content), n=_CONTEXT, lineterm=""
    )
    changes = [line for line in found if not line.startswith(("---", "+++", "@@"))]
    for line in changes or [" none"]:
        screen.print(line, style=_DIFFERENCE_COLOURS.get(line[0], ""))


def _lines(content: Mapping[str, Any]) -> list[str]:
    return json.dumps(content, indent=2, ensure_ascii=True).split("\n")
