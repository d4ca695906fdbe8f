"""The assembly of another commit: what a change is compared with."""

import subprocess
from pathlib import Path

from pipeline.cdk import cdk
from pipeline.errors import PipelineError
from toolchain import node_package


def synthesized(base: str, scratch: Path) -> Path:
    """The folder with the assembly of a commit, by its hash, synthesized by that commit's own code.

    It uses the packages that are installed now. PipelineError for one that does not synthesize.
    """
    tree, assembly = scratch / "base", scratch / "base-assembly"
    _git("worktree", "add", "--detach", "--force", str(tree), base)
    try:
        project = tree / _git("rev-parse", "--show-prefix").strip()
        modules, installed = project / "node_modules", node_package("aws-cdk")
        if installed and not modules.is_symlink() and not modules.exists():
            modules.symlink_to(installed.parent)
        status, printed = cdk("synth", "--quiet", "--output", str(assembly), folder=project)
    finally:
        _git("worktree", "remove", "--force", str(tree))
    if status != 0:
        raise PipelineError(f"BASE {base} does not synthesize:\n{printed.strip()}")
    return assembly


def commit(name: str) -> str:
    """The hash of a commit, 40 characters; PipelineError for what is none here."""
    _git("rev-parse", "--git-dir")
    if not name:
        raise PipelineError("BASE is empty; name a commit or a branch to compare with: BASE=main")
    try:
        return _git("rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}").strip()
    except PipelineError:
        raise PipelineError(
            f"{name!r} is not a commit of this clone; a shallow one lacks most: git fetch "
            f"--unshallow"
        ) from None


def has_uncommitted_changes() -> bool:
    """Whether the working tree is not what its commit says."""
    return bool(_git("status", "--porcelain").strip())


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments],  # noqa: S607 - git, wherever it is
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise PipelineError(f"git is needed and cannot be run: {error}") from None
    if done.returncode != 0:
        raise PipelineError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout
