"""Which pipeline deploys: jobs of GitHub Actions, named exactly, for whom no key is stored."""

import re
from dataclasses import dataclass

from delegation.deployment.validation import alike, refuse_duplicates, require_texts
from delegation.errors import IN_DEPLOYMENTS, DelegationError

GITHUB_ISSUER = "token.actions.githubusercontent.com"
"""Whose tokens AWS takes, without ``https://``; also the prefix of IAM's condition keys.
Source: GitHub Docs, OpenID Connect in AWS."""

_REPOSITORY = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38})(?P<owner>@\d+)?/[A-Za-z0-9._-]{1,100}(?P<name>@\d+)?",
    re.ASCII,
)
_BRANCH = re.compile(r"(?!refs/)[A-Za-z0-9._/-]{1,255}", re.ASCII)
_REPOSITORIES = "OWNER/NAME or OWNER@ID/NAME@ID, without .git"
_BRANCHES = "the name alone, without refs/heads/: letters, digits or ._/-"
_ENVIRONMENT = re.compile(r"[A-Za-z0-9._-]{1,255}", re.ASCII)
_PROVIDER = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>\d{12}):oidc-provider/"
    r"(?P<issuer>[a-z0-9.-]+(?:/[A-Za-z0-9._/-]+)?)",
    re.ASCII,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class GitHubPipeline:
    """The jobs of GitHub Actions that may review and deploy.

    GitHub's token names each job's repository and its environment, branch or pull request, in one
    text: the *subject*. Only the subjects that follow from these names are let in.
    Source: GitHub Docs, OpenID Connect reference.
    """

    repositories: tuple[str, ...]
    """``OWNER/NAME``, with GitHub's ids (``OWNER@ID/NAME@ID``) where its tokens hold them."""
    branches: tuple[str, ...] = ("main",)
    """Where jobs of the environments may deploy, and others compare with the account, as every
    pull request's may."""
    administration_environment: str = "administration"
    """The environment whose jobs may deploy both stacks."""
    runbooks_environment: str = "runbooks"
    """The environment whose jobs may deploy RunbooksStack alone."""
    provider: str | None = None
    """ARN of GitHub's OpenID Connect provider where the account has it already, as it can have one
    alone; None makes it."""

    def __post_init__(self) -> None:
        for field, values, form, allowed in (
            ("repositories", self.repositories, _REPOSITORY, _REPOSITORIES),
            ("branches", self.branches, _BRANCH, _BRANCHES),
        ):
            require_texts(f"{field} of the pipeline", values)
            if not values:
                raise DelegationError(
                    f"{field} of the pipeline is empty; name one {IN_DEPLOYMENTS}"
                )
            for value in values:
                _require(field, value, form, allowed)
        refuse_duplicates("repository", (name.lower() for name in self.repositories))
        environments = (self.administration_environment, self.runbooks_environment)
        for field, name in (
            ("administration_environment", environments[0]),
            ("runbooks_environment", environments[1]),
        ):
            _require(field, name, _ENVIRONMENT, "letters, digits or ._-, at most 255")
        if alike(environments[0]) == alike(environments[1]):
            raise DelegationError(
                f"both environments of the pipeline are {environments[0]!r}; anyone who can deploy "
                f"runbooks could deploy administration {IN_DEPLOYMENTS}"
            )
        for repository in self.repositories:
            match = _REPOSITORY.fullmatch(repository)
            assert match is not None
            if repository.split("@")[-1].lower().endswith(".git"):
                raise DelegationError(
                    f"repositories of the pipeline: {repository!r} ends in .git, as GitHub's names "
                    f"never do; write {repository[:-4]!r} {IN_DEPLOYMENTS}"
                )
            if (match["owner"] is None) != (match["name"] is None):
                raise DelegationError(
                    f"repository {repository!r} of the pipeline has one id of two; GitHub's tokens "
                    f"hold both or none {IN_DEPLOYMENTS}"
                )
        self._check_provider()

    @property
    def review_subjects(self) -> tuple[str, ...]:
        """The jobs that may compare with the account: of pull requests and of the branches."""
        return self._subjects("pull_request", *self._branch_jobs)

    @property
    def doctor_subjects(self) -> tuple[str, ...]:
        """The jobs that may run the doctor: of the branches, as scheduled ones are."""
        return self._subjects(*self._branch_jobs)

    @property
    def administration_subjects(self) -> tuple[str, ...]:
        """The jobs that may deploy both stacks."""
        return self._subjects(f"environment:{self.administration_environment}")

    @property
    def runbooks_subjects(self) -> tuple[str, ...]:
        """The jobs that may deploy RunbooksStack."""
        return self._subjects(f"environment:{self.runbooks_environment}")

    def _check_provider(self) -> None:
        if self.provider is None:
            return
        _require(
            "provider",
            self.provider,
            _PROVIDER,
            "arn:PARTITION:iam::ACCOUNT:oidc-provider/HOST",
        )
        issuer = self.provider.split("/", 1)[1]
        if issuer != GITHUB_ISSUER:
            raise DelegationError(
                f"provider of the pipeline: {issuer!r} is not {GITHUB_ISSUER}. Of another issuer, "
                f"such as a GitHub Enterprise Server's or an enterprise's own, AWS knows no branch "
                f"of a job, so that any branch could deploy; run make check and make deploy as "
                f"roles of yours (docs/pipelines.md, On other services) {IN_DEPLOYMENTS}"
            )

    def check_account(self, account: str | None, partition: str) -> None:
        """Raises DelegationError for a provider of another account or partition; either may be
        unknown (None, empty)."""
        match = _PROVIDER.fullmatch(self.provider or "")
        if match and (
            account not in (None, match["account"])
            or (partition and partition != match["partition"])
        ):
            raise DelegationError(
                f"provider {self.provider!r} of the pipeline is not of the deployment's account "
                f"and partition {IN_DEPLOYMENTS}"
            )

    @property
    def _branch_jobs(self) -> tuple[str, ...]:
        return tuple(f"ref:refs/heads/{branch}" for branch in self.branches)

    def _subjects(self, *jobs: str) -> tuple[str, ...]:
        return tuple(f"repo:{each}:{job}" for each in self.repositories for job in jobs)


def _require(field: str, value: object, form: re.Pattern[str], allowed: str) -> None:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise DelegationError(
            f"{field} of the pipeline: {value!r} is not of the form {allowed} {IN_DEPLOYMENTS}"
        )
