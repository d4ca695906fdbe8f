"""A pull request to review, as a job of GitHub does it, in an account that has a pipeline."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import Command
from sandbox import Sandbox
from tests.pipeline.checkout import RUNBOOK, Checkout
from tests.pipeline.github import GitHub


@contextmanager
def review_of_a_runbook(folder: Path) -> Iterator[Command]:
    """``make review`` of a change of one runbook, with the review role's credentials."""
    with Sandbox() as sandbox, GitHub(sandbox) as github:
        folder.mkdir()
        checkout = Checkout(folder / "clone", sandbox)
        checkout.stand()
        path = checkout.folder / RUNBOOK
        path.write_text(json.dumps({**json.loads(path.read_text()), "description": "Restarts"}))
        checkout.commit("Describe the restart")
        yield Command(
            name="review of a change",
            arguments=("make", "review", "BASE=HEAD^1"),
            folder=checkout.folder,
            environment=checkout.environment(github.job("pull_request")),
        )
