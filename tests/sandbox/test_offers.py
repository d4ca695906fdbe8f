"""What ``shell-env`` reads from a temporary folder that others may write to."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from sandbox.running import VARIABLES, Offer, offers, write_offer

_PREFIX = "aws-sandbox-"
_ENVIRONMENT = {
    **dict.fromkeys(VARIABLES, "x"),
    "AWS_ENDPOINT_URL": "https://localhost:4566",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sandbox's folder with an offer of this process."""
    folder = tmp_path / f"{_PREFIX}a"
    folder.mkdir(mode=0o700)
    write_offer(folder, os.getpid(), _ENVIRONMENT)
    return folder


def _offers(folder: Path) -> list[Offer]:
    return offers(folder.parent, _PREFIX)


def _edited(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "connection.json"
    description = json.loads(path.read_text())
    edit(description)
    path.write_text(json.dumps(description))


def test_offer_of_a_running_sandbox_is_read(folder: Path) -> None:
    assert _offers(folder) == [Offer(environment=_ENVIRONMENT, port=4566)]


def test_value_is_repeated_as_it_is(folder: Path) -> None:
    hostile = "$(touch taken); `id`\nexport PATH=/tmp"
    _edited(folder, lambda d: d["environment"].update(AWS_CA_BUNDLE=hostile))

    (offer,) = _offers(folder)

    assert offer.environment["AWS_CA_BUNDLE"] == hostile


def test_folder_of_another_user_is_not_read(folder: Path) -> None:
    with patch.object(os, "getuid", return_value=os.getuid() + 1):
        assert _offers(folder) == []


def _through_a_link(folder: Path) -> None:
    elsewhere = folder.with_name("elsewhere")
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)


def _with_a_link(folder: Path) -> None:
    path = folder / "connection.json"
    path.rename(folder / "there.json")
    path.symlink_to(folder / "there.json")


def _as_a_pipe(folder: Path) -> None:
    (folder / "connection.json").unlink()
    os.mkfifo(folder / "connection.json", 0o600)


def _with(**changes: Any) -> Callable[[Path], None]:
    return lambda folder: _edited(folder, lambda d: d.update(changes))


def _with_variable(name: str, value: Any) -> Callable[[Path], None]:
    return lambda folder: _edited(folder, lambda d: d["environment"].update({name: value}))


_REFUSED: dict[str, Callable[[Path], object]] = {
    "a folder that others may enter": lambda folder: folder.chmod(0o755),
    "a file that others may read": lambda folder: (folder / "connection.json").chmod(0o640),
    "a folder by a link": _through_a_link,
    "a file by a link": _with_a_link,
    "a pipe": _as_a_pipe,
    "another clone's": _with(clone="/elsewhere"),
    "one that has ended": _with(pid=2**22 + 1),
    "no process": _with(pid=-1),
    "no environment": _with(environment=[]),
    "another variable": _with_variable("PATH", "/x"),
    "a name that a shell would run": _with_variable("A;touch taken", "x"),
    "a value that is not a string": _with_variable("NO_PROXY", ["x"]),
    "an address elsewhere": _with_variable("AWS_ENDPOINT_URL", "https://example.com:4566"),
    "no JSON": lambda folder: (folder / "connection.json").write_text("{"),
    "a deep list": lambda folder: (folder / "connection.json").write_text("[" * 60_000),
}


@pytest.mark.parametrize("spoil", _REFUSED.values(), ids=_REFUSED)
def test_what_this_user_did_not_offer_is_not_read(
    folder: Path, spoil: Callable[[Path], object]
) -> None:
    spoil(folder)

    assert _offers(folder) == []
