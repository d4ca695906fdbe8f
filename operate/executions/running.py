"""Starts runs, follows them, stops them, and answers what they wait for."""

import argparse
import json
import sys
import uuid
from collections.abc import Iterator
from itertools import islice

from rich.console import Console
from rich.text import Text

from operate import arguments, explanations
from operate.command_name import as_called
from operate.connection import Connection, asking
from operate.errors import Exit, OperateError
from operate.executions import starting
from operate.executions.execution import Run, read_run
from operate.executions.following import Appended, InPlace, follow, watch_again
from operate.executions.targets import Targets, step_with_targets
from operate.runbooks import catalog
from operate.runbooks.describing import limit_lines
from operate.runbooks.matching_targets import matching_targets
from operate.screen import clean, console, print_json, say, style_of, took, who


def run(connection: Connection, options: argparse.Namespace) -> Exit:
    """Starts a runbook and follows the run to its end."""
    runbook = catalog.read_runbook(connection, options.name, options.version)
    values = arguments.from_file(runbook, options.parameters) if options.parameters else {}
    values |= arguments.from_options(runbook, options.words)
    values |= arguments.from_pairs(runbook, options.parameter)
    notes = console(sys.stderr if options.output == "json" else None)
    asked = starting.terminal(options)
    if asked:
        values = starting.ask_for_missing(runbook, values, asked)
    starting.checked(runbook, values)
    if not options.allow_own_permissions:
        starting.refuse_own_permissions(runbook, values)
    title = f"{runbook.name}, version {runbook.version}"
    if asked:
        for name, found in values.items():
            asked.print(clean(f"  {name}: {', '.join(found)}"))
        for line in _before(connection, runbook):
            asked.print(clean(f"  {line}"))
        starting.confirm(asked, f"start {title}, in {connection.place}?")
    token = options.client_token or str(uuid.uuid4())
    say(f"{title}: starting with client token {token}")
    try:
        execution_id = starting.start(connection, runbook, values, token)
    except KeyboardInterrupt:
        say(f"\nstopped while starting; {starting.start_again(token)}")
        return Exit.UNKNOWN
    if options.detach:
        if options.output == "json":
            print_json({"AutomationExecutionId": execution_id})
        else:
            notes.print(f"started {execution_id}; watch it: {watch_again(execution_id)}")
        return Exit.SUCCESS
    notes.print(f"run {execution_id}")
    return _watched(connection, execution_id, options.output, notes)


def _before(connection: Connection, runbook: catalog.Runbook) -> Iterator[str]:
    """What a start of a fleet does, and what holds it to that; nothing of another runbook."""
    if not runbook.fleets:
        return
    yield runbook.description
    yield from limit_lines(runbook)
    for rate in runbook.fleets:
        yield from matching_targets(connection, rate)


def watch(connection: Connection, options: argparse.Namespace) -> Exit:
    """Follows a run that somebody started."""
    notes = console(sys.stderr if options.output == "json" else None)
    return _watched(connection, options.id, options.output, notes)


def stop(connection: Connection, options: argparse.Namespace) -> Exit:
    """Asks Automation to cancel a run, or to end it after the step that runs."""
    with asking(f"to stop {options.id}"):
        connection.ssm.stop_automation_execution(
            AutomationExecutionId=options.id,
            Type="Complete" if options.after_step else "Cancel",
        )
    console().print(f"asked to stop; watch it: {watch_again(options.id)}")
    return Exit.SUCCESS


def approve(connection: Connection, options: argparse.Namespace) -> Exit:
    """Answers the approval that a run waits for: yes."""
    return _answer(connection, options, "Approve", "approved")


def reject(connection: Connection, options: argparse.Namespace) -> Exit:
    """Answers the approval that a run waits for: no."""
    return _answer(connection, options, "Reject", "rejected")


def _answer(connection: Connection, options: argparse.Namespace, signal: str, done: str) -> Exit:
    """Shows what waits for approval, and answers it."""
    waiting = read_run(connection, options.id)
    if waiting.has_ended:
        raise OperateError(f"the run has ended: {waiting.status}")
    screen = console()
    screen.print(f"{waiting.runbook}, version {waiting.version}, started by {who(waiting.starter)}")
    for name, values in waiting.parameters.items():
        screen.print(clean(f"  {name}: {', '.join(values)}"))
    for step in waiting.steps:
        if step.action == "aws:approve" and not step.has_ended and "Message" in step.inputs:
            screen.print(clean(f"  {_text(step.inputs['Message'])}"))
    if asked := starting.terminal(options):
        starting.confirm(asked, f"{signal.lower()}?")
    payload = {"Payload": {"Comment": [options.comment]}} if options.comment else {}
    with asking(f"to {signal.lower()} {options.id}"):
        connection.ssm.send_automation_signal(
            AutomationExecutionId=options.id, SignalType=signal, **payload
        )
    screen.print(f"{done}; watch it: {watch_again(options.id)}")
    return Exit.SUCCESS


def _text(given: str) -> str:
    """An input of a step, which Automation shows as JSON."""
    try:
        value = json.loads(given)
    except ValueError:
        return given
    return value if isinstance(value, str) else given


def _watched(connection: Connection, execution_id: str, output: str, notes: Console) -> Exit:
    view = InPlace(notes) if notes.is_terminal else Appended(notes)
    try:
        ended = follow(connection, execution_id, view)
    except KeyboardInterrupt:
        say(f"\nstopped watching; the run goes on. Watch again: {watch_again(execution_id)}")
        return Exit.INTERRUPTED
    if output == "json":
        print_json(ended.answer)
    else:
        _print_summary(ended, notes)
        if step_with_targets(ended):
            _print_failed_targets(connection, ended, notes)
    return ended.exit


def _print_failed_targets(connection: Connection, ended: Run, notes: Console) -> None:
    """The targets for which a run failed, each with its message."""
    failed = [*islice(Targets(connection, ended).failed(), _MOST_TARGETS + 1)]
    for each in failed[:_MOST_TARGETS]:
        notes.print(clean(f"target {each.target}: {each.status} in run {each.execution}"))
        if each.failure:
            notes.print(clean(f"  {each.failure}"))
        for explained in explanations.explain(each.failure):
            notes.print(f"  {as_called(explained)}")
    if len(failed) > _MOST_TARGETS:
        notes.print("and more: aws ssm describe-automation-executions, by ParentExecutionId")


_MOST_TARGETS = 20
"""Failed targets that are shown."""


def _print_summary(ended: Run, notes: Console) -> None:
    """How a run ended, and where it did not end well, why and what to do."""
    line = Text(ended.status, style=style_of(ended.status))
    line.append(f": {ended.runbook}, version {ended.version}, ", style="default")
    line.append(f"{took(ended.started, ended.ended)}; run {ended.id}", style="default")
    notes.print(line)
    for step in ended.steps:
        if step.was_rejected:
            notes.print(clean(f"rejected at {step.name}: {step.failure}"))
        elif step.failure:
            notes.print(clean(f"step {step.name}: {step.failure}"))
            for explained in explanations.explain(f"{step.action} {step.status} {step.failure}"):
                notes.print(f"  {as_called(explained)}")
    if ended.failure and not any(step.failure for step in ended.steps):
        notes.print(clean(ended.failure))
        for explained in explanations.explain(ended.failure):
            notes.print(f"  {as_called(explained)}")
