"""Who may accept a widening: CODEOWNERS as GitHub reads it, and whom it names."""

from typing import Any

import pytest

from pipeline.acceptance import accepted_by, code_owners, owners_of_permissions
from pipeline.errors import PipelineError
from pipeline.github import GitHubRefused, Repository

_DIGEST = "0a1b2c3d" * 8
_LABEL = f"widens-access-{_DIGEST[:32]}"


class _Repository(Repository):
    """A repository whose answers are given."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.name = "octo-org/runbooks"
        self._answers = answers

    def get(self, path: str) -> Any:
        answer = self._answers.get(path.split("?")[0])
        if isinstance(answer, int) or answer is None:
            raise GitHubRefused(answer or 404, f"GET {path}: {answer or 404}")
        return answer


def _repository(*setters: str, owners: str, **answers: Any) -> _Repository:
    import base64

    return _Repository(
        {
            "issues/1": {"labels": [{"name": _LABEL}] if setters else []},
            "issues/1/events": [
                {"event": "labeled", "actor": {"login": who}, "label": {"name": _LABEL}}
                for who in setters
            ],
            "contents/.github/CODEOWNERS": {
                "content": base64.b64encode(f"* {owners}\n".encode()).decode()
            },
            **answers,
        }
    )


def _accepted(repository: Repository) -> str | None:
    return accepted_by(repository, 1, _DIGEST, code_owners(repository, "main"))


@pytest.mark.parametrize(
    ("codeowners", "owners"),
    [
        ("* @all\n", ("@all",)),
        ("* @all\n/permissions.lock.json @admin @org/team # both\n", ("@admin", "@org/team")),
        ("/permissions.lock.json @admin\n* @all\n", ("@all",)),
        ("* @all\n*.json @json admin@example.com\n", ("@json",)),
        ("* @all\n/permissions.lock.json\n", ()),
        ("* @all\n/documents/ @authors\n", ("@all",)),
        ("* @all\npermissions.lock.json/ @authors\n", ("@all",)),
        ("# * @nobody\n", ()),
    ],
)
def test_last_matching_pattern_names_the_owners(codeowners: str, owners: tuple[str, ...]) -> None:
    assert owners == owners_of_permissions(codeowners)


@pytest.mark.parametrize("pattern", ["**/permissions.lock.json", "/**/*.json", "*.jso[n]", "!a"])
def test_pattern_that_is_not_judged_accepts_nothing(pattern: str) -> None:
    with pytest.raises(PipelineError) as caught:
        owners_of_permissions(f"* @all\n{pattern} @sec\n")

    assert str(caught.value) == (
        f"pattern {pattern!r} of .github/CODEOWNERS is not judged here; name files by *, *.json or "
        f"/NAME, folders by /NAME/"
    )


def test_line_that_github_would_pass_over_accepts_nothing() -> None:
    with pytest.raises(PipelineError) as caught:
        owners_of_permissions("* @all\n/permissions.lock.json @b bad\n")

    assert str(caught.value) == (
        "owner 'bad' of .github/CODEOWNERS is neither @NAME, @TEAM nor a mail address; GitHub "
        "would pass over the line"
    )


def test_owner_who_set_the_label_accepts() -> None:
    assert _accepted(_repository("Octo-Admin", owners="@octo-admin")) == "Octo-Admin"


def test_nobody_accepts_without_the_label() -> None:
    assert _accepted(_repository(owners="@octo-admin")) is None


def test_whoever_set_the_label_last_counts() -> None:
    assert _accepted(_repository("octo-admin", "mallory", owners="@octo-admin")) is None


def test_acceptance_that_was_taken_back_stays_so() -> None:
    repository = _repository("octo-admin", owners="@octo-admin")
    events = repository.get("issues/1/events")
    removed = {"event": "unlabeled", "actor": {"login": "octo-admin"}, "label": {"name": _LABEL}}
    renamed = {"event": "labeled", "actor": {"login": "mallory"}, "label": {"name": "old"}}
    events += [removed, renamed]  # and then renamed to the label, which no event tells

    assert _accepted(repository) is None


def test_label_of_a_deleted_account_accepts_nothing() -> None:
    repository = _repository("octo-admin", owners="@octo-admin")
    repository.get("issues/1/events")[0]["actor"] = None

    assert _accepted(repository) is None


def test_owner_by_a_team_accepts() -> None:
    membership = "/orgs/octo-org/teams/admins/memberships"
    repository = _repository(
        "member", owners="@octo-org/admins", **{f"{membership}/member": {"state": "active"}}
    )
    pending = _repository(
        "member", owners="@octo-org/admins", **{f"{membership}/member": {"state": "pending"}}
    )

    assert _accepted(repository) == "member"
    assert _accepted(pending) is None
    assert _accepted(_repository("stranger", owners="@octo-org/admins")) is None


def test_team_that_the_token_may_not_read_is_told() -> None:
    membership = "/orgs/octo-org/teams/admins/memberships/member"
    repository = _repository("member", owners="@octo-org/admins", **{membership: 403})

    with pytest.raises(PipelineError) as caught:
        _accepted(repository)

    assert str(caught.value) == (
        "the job's token may not read the members of @octo-org/admins; name persons beside the "
        "team in .github/CODEOWNERS, or give the job a token that may (Members: read)"
    )


def test_branch_without_code_owners_accepts_nothing() -> None:
    repository = _repository(
        "octo-admin", owners="@octo-admin", **{"contents/.github/CODEOWNERS": 404}
    )

    with pytest.raises(PipelineError) as caught:
        _accepted(repository)

    assert str(caught.value) == (
        ".github/CODEOWNERS of main is missing: nobody may accept a widening"
    )
