"""Who accepts that somebody gains access: a code owner, by a label that names the assembly."""

from base64 import b64decode
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from pipeline.errors import PipelineError
from pipeline.github import GitHubRefused, Repository

OWNED = "permissions.lock.json"
"""The file whose code owners decide: what the service roles may do."""
_CODEOWNERS = ".github/CODEOWNERS"
_FOREIGN = ("**", "[", "\\", "!", "?")
"""Syntax that GitHub reads otherwise than this does, or not at all."""
_NOT_FOUND, _FORBIDDEN = 404, 403
_LABEL_DIGITS = 32
"""Of the digest's 64: a label has 50 characters, and 128 bits leave nobody a second assembly."""


def label(digest: str) -> str:
    """The label that accepts an assembly. Another one has another label, so that nothing is
    accepted by a label that was set before it."""
    return f"widens-access-{digest[:_LABEL_DIGITS]}"


def accepted_by(
    repository: Repository, number: int, digest: str, owners: tuple[str, ...]
) -> str | None:
    """Which of the owners set the label on a pull request, last of all and without its having been
    removed; None where none did."""
    wanted = label(digest)
    labels = {each["name"] for each in repository.get(f"issues/{number}")["labels"]}
    events = [
        event
        for event in repository.all(f"issues/{number}/events")
        if event["event"] in ("labeled", "unlabeled") and event["label"]["name"] == wanted
    ]
    if wanted not in labels or not events or events[-1]["event"] != "labeled":
        return None
    who = str((events[-1].get("actor") or {}).get("login", ""))
    return who if who and _is_one(repository, who, owners) else None


def code_owners(repository: Repository, branch: str) -> tuple[str, ...]:
    """Whom CODEOWNERS of a branch names for the accepted permissions, ``@`` and all."""
    try:
        answer: Mapping[str, Any] = repository.get(f"contents/{_CODEOWNERS}?ref={branch}")
    except GitHubRefused as error:
        if error.status == _NOT_FOUND:
            raise PipelineError(
                f"{_CODEOWNERS} of {branch} is missing: nobody may accept a widening"
            ) from None
        raise
    return owners_of_permissions(b64decode(answer["content"]).decode())


def owners_of_permissions(codeowners: str) -> tuple[str, ...]:
    """The owners of the accepted permissions, a file of the first folder: those of the last pattern
    that matches it. PipelineError for a pattern of a form that might match and is not judged.

    Source: GitHub Docs, About code owners.
    """
    owners: tuple[str, ...] = ()
    for line in codeowners.splitlines():
        pattern, *named = line.split("#", 1)[0].split() or [""]
        if any(sign in pattern for sign in _FOREIGN):
            raise PipelineError(
                f"pattern {pattern!r} of {_CODEOWNERS} is not judged here; name files by *, "
                f"*.json or /NAME, folders by /NAME/"
            )
        if pattern and fnmatchcase(OWNED, pattern.removeprefix("/")):
            owners = tuple(owner for owner in named if owner.startswith("@"))
            if strangers := [owner for owner in named if "@" not in owner]:
                raise PipelineError(
                    f"owner {strangers[0]!r} of {_CODEOWNERS} is neither @NAME, @TEAM nor a mail "
                    f"address; GitHub would pass over the line"
                )
    return owners


def _is_one(repository: Repository, who: str, owners: tuple[str, ...]) -> bool:
    for owner in owners:
        organization, _, team = owner.removeprefix("@").partition("/")
        is_one = (
            _is_member(repository, organization, team, who)
            if team
            else organization.lower() == who.lower()
        )
        if is_one:
            return True
    return False


def _is_member(repository: Repository, organization: str, team: str, who: str) -> bool:
    try:
        answer = repository.get(f"/orgs/{organization}/teams/{team}/memberships/{who}")
    except GitHubRefused as error:
        if error.status == _NOT_FOUND:
            return False
        if error.status == _FORBIDDEN:
            raise PipelineError(
                f"the job's token may not read the members of @{organization}/{team}; name "
                f"persons beside the team in {_CODEOWNERS}, or give the job a token that may "
                f"(Members: read)"
            ) from None
        raise
    return bool(answer["state"] == "active")
