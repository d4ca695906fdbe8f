"""Who accepts that somebody gains access: a code owner, by a label that names the very change."""

import fnmatch
from base64 import b64decode
from collections.abc import Iterator
from pathlib import PurePosixPath

from pipeline.errors import PipelineError
from pipeline.github import GitHubRefused, Repository

OWNED = "permissions.lock.json"
"""The file whose code owners decide: what the service roles may do."""
_CODEOWNERS = ".github/CODEOWNERS"
_NOT_FOUND, _FORBIDDEN = 404, 403


def label(widening: str) -> str:
    """The label that accepts a change of access. Another change has another label, so that none is
    accepted by a label that was set before it."""
    return f"widens-access-{widening}"


def accepted_by(repository: Repository, number: int, base: str, widening: str) -> str | None:
    """The code owner who set the label on a pull request; None where none did.

    ``base`` is the commit whose CODEOWNERS counts: that of the branch to merge into, never the
    pull request's own.
    """
    wanted = label(widening)
    labels = {each["name"] for each in repository.get(f"issues/{number}")["labels"]}
    if wanted not in labels:
        return None
    setters = [
        str(event["actor"]["login"])
        for event in repository.all(f"issues/{number}/events")
        if event["event"] == "labeled" and event["label"]["name"] == wanted
    ]
    owners = code_owners(repository, base)
    return next((who for who in setters[-1:] if _is_one(repository, who, owners)), None)


def code_owners(repository: Repository, commit: str) -> tuple[str, ...]:
    """Whom CODEOWNERS of a commit names for the accepted permissions, ``@`` and all."""
    try:
        answer = repository.get(f"contents/{_CODEOWNERS}?ref={commit}")
    except GitHubRefused as error:
        if error.status == _NOT_FOUND:
            raise PipelineError(
                f"{_CODEOWNERS} of {commit} is missing: nobody may accept a widening"
            ) from None
        raise
    return owners_of(OWNED, b64decode(answer["content"]).decode())


def owners_of(path: str, codeowners: str) -> tuple[str, ...]:
    """The owners of a path; the last pattern that matches decides.

    Source: GitHub Docs, About code owners.
    """
    owners: tuple[str, ...] = ()
    for pattern, named in _rules(codeowners):
        if _matches(pattern, path):
            owners = named
    return owners


def _rules(codeowners: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for line in codeowners.splitlines():
        words = line.split("#", 1)[0].split()
        if words:
            yield words[0], tuple(words[1:])


def _matches(pattern: str, path: str) -> bool:
    rooted = pattern.strip("/")
    if pattern.endswith("/"):
        return path.startswith(f"{rooted}/")
    if "/" in rooted or pattern.startswith("/"):
        return fnmatch.fnmatchcase(path, rooted) or path.startswith(f"{rooted}/")
    return any(fnmatch.fnmatchcase(part, rooted) for part in PurePosixPath(path).parts)


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
