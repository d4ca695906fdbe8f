"""Which commit a page is of."""

import os
import subprocess


def commit() -> str:
    """``commit 1a2b3c4``, of the working directory or of the job of a CI service; empty where there
    is none."""
    named = os.environ.get("GITHUB_SHA") or os.environ.get("CI_COMMIT_SHA") or ""
    if not named:
        try:
            done = subprocess.run(
                ["git", "rev-parse", "HEAD"],  # noqa: S607, the user's own git
                capture_output=True,
                text=True,
                check=True,
                timeout=10,
            )
        except (OSError, subprocess.SubprocessError):
            return ""
        named = done.stdout.strip()
    return f"commit {named[:12]}"
