"""Builds the CDK app from deployments.py: what every ``npx cdk`` command works on."""

import json
import os
import sys

from delegation.configuration import check_needs, load
from delegation.errors import DelegationError


def main() -> None:
    """Synthesizes every deployment, with cdk-nag's AwsSolutions pack as a gate."""
    # Before CDK takes a second to start and makes its output folder: what is wrong is told at once.
    configuration = load(profile=_context().get("profile"))
    check_needs(configuration)
    # CDK validates templates with a WebAssembly engine, and Node does not exit before V8 has
    # optimized that engine on its helper threads, for nobody: with fewer of them a synthesis
    # takes 0.3 s less. A NODE_OPTIONS of the user's own stays.
    os.environ.setdefault("NODE_OPTIONS", "--v8-pool-size=2")
    from aws_cdk import App, Validations
    from cdk_nag import AwsSolutionsChecks

    from stacks.deployment_stacks import add_stacks

    app = App(analytics_reporting=False)
    add_stacks(app, configuration)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    try:
        app.synth()
    except RuntimeError as error:  # as jsii raises what JavaScript threw
        if not str(error).startswith("ValidationFailed"):
            raise
        raise DelegationError(str(error)) from None


def _context() -> dict[str, object]:
    """The context of the command line and cdk.json, where the CDK CLI leaves it for every app."""
    context: dict[str, object] = json.loads(os.environ.get("CDK_CONTEXT_JSON") or "{}")
    return context


if __name__ == "__main__":
    try:
        main()
    except DelegationError as error:
        sys.exit(f"error: {error}")
