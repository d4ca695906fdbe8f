"""Running sandboxes that ``shell-env`` offers, as files that only this user could have written.

Everybody on the machine can write to the temporary folder. What another user left there is neither
read nor repeated: folder and file must be this user's and closed to others, which is checked on
what was opened, never on a name, and the variables come from a fixed set.
"""

import contextlib
import json
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_FILE = "connection.json"
_CLONE = Path(__file__).resolve().parent.parent
"""Whose sandboxes are offered: those that were started from this clone."""
_MOST_BYTES = 64 * 1024
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_ENDPOINT = re.compile(r"https://localhost:(\d{1,5})", re.ASCII)

VARIABLES = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"),
    *("AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "AWS_DEFAULT_REGION", "AWS_REGION"),
    *("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED"),
    *("NO_PROXY", "no_proxy"),
)
"""The variables that an offer has, all of them and no other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A running sandbox."""

    environment: Mapping[str, str]
    """The variables that reach it as root."""
    port: int


def write_offer(folder: Path, pid: int, environment: Mapping[str, str]) -> None:
    """Leaves what ``shell-env`` needs in a sandbox's folder, whole or not at all."""
    description = {"pid": pid, "clone": str(_CLONE), "environment": dict(environment)}
    draft = folder / "connection.draft"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(description, file)
    draft.rename(folder / _FILE)


def offers(temporary: Path, prefix: str) -> list[Offer]:
    """The sandboxes of this clone that run, by port."""
    found = [offer for folder in temporary.glob(f"{prefix}*") for offer in _offer(folder)]
    return sorted(found, key=lambda offer: offer.port)


def _offer(folder: Path) -> Iterator[Offer]:
    """The offer in a folder; none where there is none, or it is not this user's alone."""
    with contextlib.suppress(OSError, ValueError, RecursionError), contextlib.ExitStack() as opened:
        within = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        opened.callback(os.close, within)
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(_FILE, flags, dir_fd=within)
        file = opened.enter_context(os.fdopen(descriptor, "rb"))
        if not (_is_mine(within, stat.S_ISDIR) and _is_mine(descriptor, stat.S_ISREG)):
            return
        offer = _read(json.loads(file.read(_MOST_BYTES)))
        if offer is not None:
            yield offer


def _is_mine(descriptor: int, is_kind: Callable[[int], bool]) -> bool:
    """Whether what is open is of a kind, this user's, and closed to everybody else."""
    status = os.fstat(descriptor)
    is_private = status.st_uid == os.getuid() and not status.st_mode & _OTHERS
    return is_private and is_kind(status.st_mode)


def _read(description: object) -> Offer | None:
    """The offer of a description; None for another clone's, one that has ended, or another form."""
    if not isinstance(description, dict) or description.get("clone") != str(_CLONE):
        return None
    pid, environment = description.get("pid"), description.get("environment")
    if not isinstance(pid, int) or pid <= 0 or not isinstance(environment, dict):
        return None
    texts = all(isinstance(value, str) for value in environment.values())
    if not texts or set(environment) != set(VARIABLES) or not _is_alive(pid):
        return None
    endpoint = _ENDPOINT.fullmatch(environment["AWS_ENDPOINT_URL"])
    return Offer(environment=environment, port=int(endpoint[1])) if endpoint else None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
