"""Which jobs deployments.py may not name, each with its whole error."""

from collections.abc import Callable
from typing import Any

import pytest

from delegation.errors import DelegationError
from delegation.model import Deployment, GitHubPipeline, IamUser, ServiceRole


def _deployment(**changes: Any) -> Deployment:
    role = ServiceRole(name="Role", runbooks=("Runbook",))
    return Deployment(operators=(IamUser("operator"),), service_roles=(role,), **changes)


def _pipeline(**changes: Any) -> GitHubPipeline:
    return GitHubPipeline(**{"repositories": ("octo-org/runbooks",), **changes})


_PROVIDER = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
_REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "pipeline that is a string": (
        lambda: _deployment(pipeline="octo-org/runbooks"),
        "pipeline 'octo-org/runbooks' is not a GitHubPipeline (deployments.py)",
    ),
    "pipeline of no repository": (
        lambda: GitHubPipeline(repositories=()),
        "repositories of the pipeline is empty; name one (deployments.py)",
    ),
    "pipeline of every repository": (
        lambda: GitHubPipeline(repositories=("octo-org/*",)),
        "repositories of the pipeline: 'octo-org/*' is not of the form OWNER/NAME or "
        "OWNER@ID/NAME@ID, without .git (deployments.py)",
    ),
    "pipeline of a repository with half its ids": (
        lambda: GitHubPipeline(repositories=("octo-org@1/runbooks",)),
        "repository 'octo-org@1/runbooks' of the pipeline has one id of two; GitHub's tokens hold "
        "both or none (deployments.py)",
    ),
    "pipeline of one repository twice": (
        lambda: GitHubPipeline(repositories=("octo-org/runbooks", "Octo-Org/Runbooks")),
        "repository 'octo-org/runbooks' is named 2 times; name it once (deployments.py)",
    ),
    "pipeline of branches by pattern": (
        lambda: _pipeline(branches=("release/*",)),
        "branches of the pipeline: 'release/*' is not of the form the name alone, without "
        "refs/heads/: letters, digits or ._/- (deployments.py)",
    ),
    "pipeline of a branch by its reference": (
        lambda: _pipeline(branches=("refs/heads/main",)),
        "branches of the pipeline: 'refs/heads/main' is not of the form the name alone, without "
        "refs/heads/: letters, digits or ._/- (deployments.py)",
    ),
    "pipeline of a clone's address": (
        lambda: GitHubPipeline(repositories=("octo-org/runbooks.git",)),
        "repositories of the pipeline: 'octo-org/runbooks.git' ends in .git, as GitHub's names "
        "never do; write 'octo-org/runbooks' (deployments.py)",
    ),
    "pipeline of a policy variable": (
        lambda: _pipeline(runbooks_environment="${aws:username}"),
        "runbooks_environment of the pipeline: '${aws:username}' is not of the form letters, "
        "digits or ._-, at most 255 (deployments.py)",
    ),
    "pipeline with one environment for both": (
        lambda: _pipeline(runbooks_environment="Administration"),
        "both environments of the pipeline are 'administration'; anyone who can deploy "
        "runbooks could "
        "deploy administration (deployments.py)",
    ),
    "pipeline with a provider that is not an ARN": (
        lambda: _pipeline(provider="token.actions.githubusercontent.com"),
        "provider of the pipeline: 'token.actions.githubusercontent.com' is not of the form "
        "arn:PARTITION:iam::ACCOUNT:oidc-provider/HOST (deployments.py)",
    ),
    "pipeline with the provider of a GitHub Enterprise Server": (
        lambda: _pipeline(
            provider="arn:aws:iam::111122223333:oidc-provider/git.example.com/_services/token"
        ),
        "provider of the pipeline: 'git.example.com/_services/token' is not "
        "token.actions.githubusercontent.com. Of another issuer, such as a GitHub Enterprise "
        "Server's or an enterprise's own, AWS knows no branch of a job, so that any branch could "
        "deploy; run make check and make deploy as roles of yours (docs/pipelines.md, On other "
        "services) (deployments.py)",
    ),
    "pipeline with another account's provider": (
        lambda: _deployment(
            account="444455556666",
            regions=("us-east-1",),
            pipeline=_pipeline(provider=_PROVIDER),
        ),
        f"provider '{_PROVIDER}' of the pipeline is not of the deployment's account and partition "
        "(deployments.py)",
    ),
    "pipeline with another partition's provider": (
        lambda: _deployment(regions=("cn-north-1",), pipeline=_pipeline(provider=_PROVIDER)),
        f"provider '{_PROVIDER}' of the pipeline is not of the deployment's account and partition "
        "(deployments.py)",
    ),
}


@pytest.mark.parametrize("case", _REFUSED)
def test_wrong_value_is_refused_with_what_is_allowed(case: str) -> None:
    make, message = _REFUSED[case]

    with pytest.raises(DelegationError) as caught:
        make()

    assert message == str(caught.value)
