"""Starts runs, follows them to their end, and stops them."""

import argparse
import sys
import uuid
from collections.abc import Mapping
from itertools import islice

from rich.text import Text

from operate import arguments, explanations, questions
from operate.command_name import as_called, command
from operate.connection import Connection, asking
from operate.errors import Exit, OperateError
from operate.executions import starting
from operate.executions.approval import REASON
from operate.executions.execution import Run, read_run
from operate.executions.finding import asked_execution, id_to_change
from operate.executions.following import Appended, InPlace, follow, watch_again
from operate.executions.targets import Targets, step_with_targets
from operate.runbooks import catalog
from operate.runbooks.catalog import Runbook
from operate.runbooks.describing import limit_lines
from operate.runbooks.matching_targets import matching_targets
from operate.runbooks.parameters import Values
from operate.screen import Screen, console, print_json, say, style_of, write_values
from operate.times import took


def run(connection: Connection, options: argparse.Namespace) -> Exit:
    """Starts a runbook and follows the run to its end."""
    runbook = catalog.read_runbook(connection, options.name, options.document_version)
    return _run(connection, options, runbook, _given(runbook, options))


_MULTIPLYING = ("TargetParameterName", "Targets", "TargetMaps", "TargetLocations")
"""By which a start becomes many."""


def rerun(connection: Connection, options: argparse.Namespace) -> Exit:
    """Starts a runbook again with the parameters of a run, but for those that are given and for its
    reason, which is another one."""
    earlier = read_run(connection, asked_execution(connection, options))
    if given := [key for key in _MULTIPLYING if earlier.answer.get(key)]:
        raise OperateError(
            f"{earlier.id} was started with {', '.join(given)}, which this command does not send; "
            f"a fleet does that"
        )
    if earlier.parent:
        raise OperateError(
            f"{earlier.id} was started by execution {earlier.parent}: run that one again, "
            f"{command('rerun', earlier.parent)}"
        )
    runbook = catalog.read_runbook(connection, earlier.runbook, options.document_version)
    if runbook.version != earlier.version:
        say(
            f"{runbook.name} is at version {runbook.version}; run {earlier.id} was of version "
            f"{earlier.version}, which --document-version {earlier.version} runs"
        )
    kept = {name: [*values] for name, values in earlier.parameters.items() if name != REASON}
    return _run(connection, options, runbook, kept | _given(runbook, options))


def watch(connection: Connection, options: argparse.Namespace) -> Exit:
    """Follows a run that somebody started."""
    notes = console(sys.stderr if options.output == "json" else None)
    return _watched(connection, asked_execution(connection, options), options.output, notes)


def stop(connection: Connection, options: argparse.Namespace) -> Exit:
    """Asks Automation to cancel a run, or to end it after the step that runs."""
    execution_id = asked_execution(connection, options, id_to_change)
    with asking(f"to stop {execution_id}"):
        connection.ssm.stop_automation_execution(
            AutomationExecutionId=execution_id,
            Type="Complete" if options.after_step else "Cancel",
        )
    screen = console(sys.stderr if options.output == "json" else None)
    if options.output == "json":
        print_json({"AutomationExecutionId": execution_id})
    screen.write("asked to stop; watch it:")
    screen.command(watch_again(execution_id))
    return Exit.SUCCESS


def _given(runbook: Runbook, options: argparse.Namespace) -> Values:
    """The values that a command line gives."""
    values = arguments.from_text(runbook, options.parameters) if options.parameters else {}
    values |= arguments.from_options(runbook, options.words)
    return values | arguments.from_pairs(runbook, options.parameter)


def _run(
    connection: Connection, options: argparse.Namespace, runbook: Runbook, values: Values
) -> Exit:
    notes = console(sys.stderr if options.output == "json" else None)
    try:
        values = _checked(connection, options, runbook, values)
    except KeyboardInterrupt:
        say("\nstopped by Ctrl-C: nothing was started")
        return Exit.INTERRUPTED
    if options.dry_run:
        return _show(connection, runbook, values, options.output)
    token = options.client_token or str(uuid.uuid4())
    say(f"{runbook.name}, version {runbook.version}: starting with client token {token}")
    try:
        execution_id = starting.start(connection, runbook, values, token)
    except KeyboardInterrupt:
        say(f"\nstopped while starting; {starting.start_again(token)}")
        return Exit.UNKNOWN
    if not options.detach:
        notes.write(f"run {execution_id}")
        return _watched(connection, execution_id, options.output, notes)
    if options.output == "json":
        print_json({"AutomationExecutionId": execution_id})
    else:
        notes.write(f"started {execution_id}; watch it:")
        notes.command(watch_again(execution_id))
    return Exit.SUCCESS


def _checked(
    connection: Connection, options: argparse.Namespace, runbook: Runbook, values: Values
) -> Values:
    """The values, with the answers for those that are missing, once all may be started: what is
    wrong is refused, and on a terminal the start is confirmed."""
    asked = None if options.dry_run else questions.terminal(options)
    if asked:
        values = starting.ask_for_missing(runbook, values, asked)
    starting.checked(runbook, values)
    if not options.allow_own_permissions:
        starting.refuse_own_permissions(runbook, values)
    if asked:
        _print_start(connection, runbook, values, asked)
        title = f"{runbook.name}, version {runbook.version}"
        questions.confirm(asked, f"start {title}, in {connection.place}?")
    return values


def _show(connection: Connection, runbook: Runbook, values: Values, output: str) -> Exit:
    """Shows what a start would send, and what limits it."""
    request = starting.request(connection, runbook, values)
    if output == "json":
        print_json(request)
        return Exit.SUCCESS
    screen = console()
    screen.write(f"{runbook.name}, version {runbook.version}, in {connection.place}")
    screen.write(f"runs as {runbook.role or 'you'}")
    _print_start(connection, runbook, values, screen)
    for tag in request.get("Tags", ()):
        screen.write(f"  tag {tag['Key']}: {tag['Value']}")
    screen.write("nothing was started")
    return Exit.SUCCESS


def _print_start(
    connection: Connection, runbook: Runbook, values: Mapping[str, list[str]], screen: Screen
) -> None:
    """The values of a start, and what holds it: of a fleet also what it would run on."""
    write_values(screen, values)
    if runbook.fleets and runbook.description:
        screen.write(f"  {runbook.description}")
    for line in limit_lines(runbook):
        screen.write(f"  {line}")
    for rate in runbook.fleets:
        for line in matching_targets(connection, rate):
            screen.write(f"  {line}")


def _watched(connection: Connection, execution_id: str, output: str, notes: Screen) -> Exit:
    view = InPlace(notes) if notes.is_terminal else Appended(notes)
    ended = None
    try:
        ended = follow(connection, execution_id, view)
        if output == "json":
            print_json(ended.answer)
        else:
            _print_summary(ended, notes)
            if step_with_targets(ended):
                _print_failed_targets(connection, ended, notes)
    except KeyboardInterrupt:
        how = f"it ended: {ended.status}" if ended else "the run goes on"
        say(f"stopped watching; {how}. Watch again:")
        console(sys.stderr).command(watch_again(execution_id))
        return Exit.INTERRUPTED
    return ended.exit


def _print_failed_targets(connection: Connection, ended: Run, notes: Screen) -> None:
    """The targets for which a run failed, each with its message."""
    failed = [*islice(Targets(connection, ended).failed(), _MOST_TARGETS + 1)]
    for each in failed[:_MOST_TARGETS]:
        notes.write(f"target {each.target}: {each.status} in run {each.execution}")
        if each.failure:
            notes.write(f"  {each.failure}")
        for explained in explanations.explain(each.failure):
            notes.write(f"  {as_called(explained)}")
    if len(failed) > _MOST_TARGETS:
        notes.write("and more: aws ssm describe-automation-executions, by ParentExecutionId")


_MOST_TARGETS = 20
"""Failed targets that are shown."""


def _print_summary(ended: Run, notes: Screen) -> None:
    """How a run ended, and where it did not end well, why and what to do."""
    line = Text(ended.status, style=style_of(ended.status))
    line.append(f": {ended.runbook}, version {ended.version}", style="default")
    line.append(f", {took(ended.started, ended.ended)}", style="default")
    notes.print(line)
    for step in ended.steps:
        if step.was_rejected:
            notes.write(f"rejected at {step.name}: {step.failure}")
        elif step.failure:
            notes.write(f"step {step.name}: {step.failure}")
            for explained in explanations.explain(f"{step.action} {step.status} {step.failure}"):
                notes.write(f"  {as_called(explained)}")
    if ended.failure and not any(step.failure for step in ended.steps):
        notes.write(ended.failure)
        for explained in explanations.explain(ended.failure):
            notes.write(f"  {as_called(explained)}")
