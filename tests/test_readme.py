"""The README and the docs: generated tables, commands that run, links that lead somewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from delegation.configuration import load
from delegation.summary import who_may_do_what
from sandbox import Sandbox
from tests.clone import PROJECT, copy_project

README = (PROJECT / "README.md").read_text("utf-8")

_RUN_ELSEWHERE = {
    "make rehearse": ("tests/test_user_repository.py", '"-m", "rehearsal", "--json"'),
    "make test": (".ci/run", "make test"),
}
"""Commands that are run by something else than this test, which may not start itself."""
_PAGES = ("authors.md", "security.md")
"""The pages of docs/ with commands."""


def _commands(text: str) -> list[str]:
    """The lines of the ``sh`` blocks, in order."""
    return [
        line
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
        if line
    ]


def test_page_of_who_may_do_what_is_the_generated_one() -> None:
    page = (PROJECT / "docs" / "access.md").read_text("utf-8")

    assert page.split("<!-- who -->\n")[1] == f"{who_may_do_what(load())}\n"


def test_readme_is_read_in_ten_minutes() -> None:
    assert len(README.splitlines()) <= 150


def test_every_link_to_a_file_leads_to_one() -> None:
    for document in [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_commands_that_others_run_are_in_them() -> None:
    for command, (place, words) in _RUN_ELSEWHERE.items():
        assert command in _commands(README)
        assert words in (PROJECT / place).read_text("utf-8")


@pytest.mark.command
@pytest.mark.sandbox
def test_commands_run_in_order_against_an_account(tmp_path: Path) -> None:
    """Every other command of the README and the docs, in one shell, in a clone."""
    clone = tmp_path / "clone"
    copy_project(clone)
    pages = [README, *((PROJECT / "docs" / page).read_text("utf-8") for page in _PAGES)]
    commands = [
        command
        for page in sorted(pages, key=lambda page: "cdk destroy" in page)
        for command in _commands(page)
        if command not in _RUN_ELSEWHERE
    ]
    # A person at a terminal is asked before IAM changes; here nobody can answer.
    script = "\n".join(["set -euxo pipefail", *commands]).replace(
        "make deploy", 'make deploy CDK_FLAGS="--require-approval never"'
    )

    with Sandbox() as account:
        done = subprocess.run(
            ["/bin/bash", "-c", script],
            cwd=clone,
            env={
                **os.environ,
                **account.environment(),
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "CDK_HOME": str(tmp_path),
                "CDK_DISABLE_CLI_TELEMETRY": "true",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        left = account.client("iam").list_users()["Users"]

    assert done.returncode == 0, done.stdout + done.stderr
    assert left == []
    assert (clone / "cdk.out/guide/AdministrationStack.template.json").exists()
