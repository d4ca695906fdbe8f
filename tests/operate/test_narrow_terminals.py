"""Screens at each width: no status, name or id is broken, and commands can be copied."""

import pytest

from tests.operate.conftest import BACKUP, RESTART, Account, readable
from tests.operate.terminal import in_a_pipe, on_a_terminal

pytestmark = pytest.mark.sandbox

_WIDTHS = (60, 80, 100, 120)
_HISTORY = {
    60: (
        "started TIME\n"
        "  runbook Restart-EC2InstanceDemo  version 1  status Success\n"
        "  took N s  run ID"
    ),
    80: (
        "started TIME  runbook Restart-EC2InstanceDemo  version 1\n"
        "  status Success  took N s  run ID"
    ),
    100: (
        "started TIME  runbook Restart-EC2InstanceDemo  version 1  status Success  took N s\n"
        "  run ID"
    ),
    120: (
        "started               runbook                  version  status   took   run\n"
        "TIME  Restart-EC2InstanceDemo  1        Success  N s  ID"
    ),
}
_LIVE = (
    "approveRun is answered by:\n"
    "python -m operate approve ID\n"
    "approveRun   aws:approve      Waiting  N s\n"
    "createImage  aws:createImage  Pending\n"
    "tagImage     aws:createTags   Pending\n"
    "removeImage  aws:deleteImage  Pending\n"
    "ended        aws:sleep        Pending\n"
    "  waits for an approval by lead\n"
    "stopped watching; the run goes on. Watch again:\n"
    "python -m operate watch ID"
)
_BROKEN_BY_THE_TERMINAL = 60
"""The command that answers has 62 characters: the terminal breaks it, so that a copy is whole."""


@pytest.mark.parametrize("columns", _WIDTHS)
def test_history_breaks_nothing(account: Account, columns: int) -> None:
    (instance,) = account.allowed()
    in_a_pipe(account.root, "run", RESTART, "--instance-id", instance)

    printed = on_a_terminal(account.root, "history", "--limit", "1", columns=columns)

    assert (
        readable(printed.text).removesuffix("\nthere are more; --limit 10 shows them")
        == (_HISTORY[columns])
    )


@pytest.mark.parametrize("columns", _WIDTHS)
@pytest.mark.parametrize("arguments", [("list",), ("describe", BACKUP)])
def test_no_word_is_broken(account: Account, columns: int, arguments: tuple[str, ...]) -> None:
    printed = on_a_terminal(account.operator, *arguments, columns=columns)

    assert printed.text.split() == in_a_pipe(account.operator, *arguments).text.split()


@pytest.mark.parametrize("columns", _WIDTHS)
def test_live_view_of_a_run_that_waits(account: Account, columns: int) -> None:
    execution = account.waiting()

    printed = on_a_terminal(
        account.operator,
        *("watch", execution),
        answers=[("Waiting", "\x03")],
        status=130,
        columns=columns,
    )

    shown = printed.text
    if columns == _BROKEN_BY_THE_TERMINAL:
        assert execution not in shown.split("\n")[1]
        shown = shown.replace(execution[:34] + "\n" + execution[34:], execution)
    assert readable(shown) == _LIVE


def test_step_that_fits_no_line_has_two(account: Account) -> None:
    name = "restart" * 10
    account.runbook("Long-Names", {"name": name, "action": "aws:pause", "inputs": {}})
    execution = account.client("ssm").start_automation_execution(DocumentName="Long-Names")

    printed = on_a_terminal(
        account.root,
        *("watch", execution["AutomationExecutionId"]),
        answers=[("Waiting", "\x03")],
        status=130,
        columns=80,
    )

    assert readable(printed.text).split("\n")[:2] == [name, "  Waiting  N s  aws:pause"]
