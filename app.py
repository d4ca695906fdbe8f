"""Builds the CDK app from deployments.py: what every ``npx cdk`` command works on."""

import os
import sys

from delegation.configuration import check_needs, load
from delegation.errors import DelegationError


def main() -> None:
    """Synthesizes every deployment, with cdk-nag's AwsSolutions pack as a gate."""
    configuration = load()  # a wrong value is told at once, before CDK takes a second to start
    # CDK validates templates with a WebAssembly engine, and Node does not exit before V8 has
    # optimized that engine on its helper threads, for nobody: with fewer of them a synthesis
    # takes 0.3 s less. A NODE_OPTIONS of the user's own stays.
    os.environ.setdefault("NODE_OPTIONS", "--v8-pool-size=2")
    from aws_cdk import App, Validations
    from cdk_nag import AwsSolutionsChecks

    from stacks.deployment_stacks import add_stacks

    app = App(analytics_reporting=False)
    profile = app.node.try_get_context("profile")
    if profile is not None:
        configuration = load(profile)
    check_needs(configuration)
    add_stacks(app, configuration)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()


if __name__ == "__main__":
    try:
        main()
    except DelegationError as error:
        sys.exit(f"error: {error}")
