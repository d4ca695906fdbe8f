"""An account that an administrator has set up, a clone with a pipeline, and GitHub."""

from collections.abc import Iterator

import pytest

from sandbox import Sandbox
from tests.pipeline.checkout import Checkout
from tests.pipeline.github import GitHub


@pytest.fixture(scope="session")
def account() -> Iterator[Sandbox]:
    """An account of its own: its stacks have the project's names."""
    with Sandbox() as running:
        yield running


@pytest.fixture(scope="session")
def checkout(account: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A clone whose deployment stands in the account, put there from a workstation."""
    made = Checkout(tmp_path_factory.mktemp("pipeline") / "clone", account)
    made.stand()
    return made


@pytest.fixture
def github(account: Sandbox) -> Iterator[GitHub]:
    """GitHub, with one pull request that nobody has commented or labelled."""
    with GitHub(account) as running:
        yield running
