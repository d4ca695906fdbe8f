"""An AWS account on this machine: the emulator ministack, plus SSM documents and SSM Automation.

``with Sandbox() as sandbox:`` starts one and removes it; ``python -m sandbox`` does so on the
command line. Knows AWS APIs only: nothing of the project's own model.
"""

from sandbox.sandbox import Sandbox, SandboxError

__all__ = ["Sandbox", "SandboxError"]
