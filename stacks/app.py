"""Builds the CDK app from the deployments.py of the working directory."""

import gc
import json
import os
import shutil
import sys
from pathlib import Path

from delegation.configuration import check_needs, load
from delegation.errors import DelegationError
from stacks.cdk_command import refuse_foreign_stacks, refuse_waves

_REPORT = "validation-report.json"
_CONTEXT = {
    # What CloudFormation would refuse is a finding, not a warning.
    "@aws-cdk/core:validateAgainstDefaultRules": True,
    # Findings are reported below, in every run of the app.
    "@aws-cdk/core:failSynthOnValidationErrors": False,
}


def main() -> None:
    """Synthesizes every deployment; a mistake of the user's is one message, and status 1."""
    try:
        _synthesize()
    except DelegationError as error:
        sys.exit(f"error: {error}")


def _synthesize() -> None:
    """Synthesizes, with cdk-nag's AwsSolutions pack and CDK's rules as a gate."""
    # A synthesis ends before garbage matters, and CDK's Python modules are looked through for it
    # again and again while they load: 0.1 s.
    gc.disable()
    _keep_in_environment()
    # Before CDK takes a second to start and makes its output folder: what is wrong is reported at
    # once.
    configuration = load(profile=_context().get("profile"))
    check_needs(configuration)
    refuse_waves(configuration.deployments)
    # CDK validates templates with a WebAssembly engine, and Node does not exit before V8 has
    # optimized that engine on its helper threads, for nobody: with fewer of them a synthesis
    # takes 0.3 s less. A NODE_OPTIONS of the user's own stays.
    os.environ.setdefault("NODE_OPTIONS", "--v8-pool-size=2")
    try:
        from aws_cdk import App, Validations
        from cdk_nag import AwsSolutionsChecks
    except ModuleNotFoundError as error:
        raise DelegationError(
            f"{error.name} is not installed for {sys.executable}; run: make install, "
            f"and: source .venv/bin/activate"
        ) from None

    from stacks.deployment_stacks import add_stacks

    app = App(analytics_reporting=False, context=_CONTEXT)
    add_stacks(app, configuration)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()
    _refuse_findings(Path(app.outdir))
    refuse_foreign_stacks(Path(app.outdir))


def _keep_in_environment() -> None:
    """Has jsii unpack CDK into the virtual environment: the home directory may be missing, or not
    be writable. A variable of the user's own stays."""
    if sys.prefix != sys.base_prefix:
        os.environ.setdefault("JSII_RUNTIME_PACKAGE_CACHE_ROOT", f"{sys.prefix}/jsii-cache")


def _context() -> dict[str, object]:
    """The context of the command line and cdk.json, where the CDK CLI leaves it for every app."""
    context: dict[str, object] = json.loads(os.environ.get("CDK_CONTEXT_JSON") or "{}")
    return context


def _refuse_findings(assembly: Path) -> None:
    """Raises DelegationError for open findings, and leaves nothing that could be deployed."""
    reports = json.loads((assembly / _REPORT).read_text("utf-8"))["pluginReports"]
    findings = [
        f"{violation['ruleName']} on {construct.get('constructPath', 'a template')}: "
        f"{violation['description']}"
        for report in reports
        if report["conclusion"] == "failure"
        for violation in report["violations"]
        for construct in violation["violatingConstructs"]
    ]
    if not findings:
        return
    for path in assembly.iterdir():
        if path.name != _REPORT:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    listed = "\n  ".join(findings)
    raise DelegationError(f"open findings, reported in full in {assembly / _REPORT}:\n  {listed}")
