"""What a deployment would change in the account: ``cdk diff`` by change set, for a pull request.

The CDK CLI compares with the roles that deploy: it uploads the template to where deployments take
theirs from, and makes a change set of an administrator. A pull request must do neither. So where
PipelineStack has roles for it, the CLI gets a copy of the assembly that names those: templates
under a prefix of their own, and change sets of a role that may change nothing.
"""

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

from pipeline.cdk import cdk
from pipeline.credentials import Target, targets
from pipeline.errors import PipelineError
from pipeline.roles import pipeline_role_arn
from review.templates.cloud_assembly import Assembly
from review.templates.stack_names import PIPELINE_STACK

_REVIEW_ROLE = "PipelineReviewRole"
_COMPARISON_ROLE = "PipelineComparisonRole"
_PREFIX = "review"
_NO_STACK = (None, "REVIEW_IN_PROGRESS")
_NOISE = re.compile(
    r"start: Building|success: Built|start: Publishing|success: Published|Hold on while we create"
    r"|Number of stacks with differences|^\s*$|^\s*\(node:|^Some assets"
)
_NO_DIFFERENCE = "There were no differences"


def account_diffs(assembly: Assembly, scratch: Path) -> Iterator[tuple[Target, str]]:
    """What ``cdk diff`` says of each stack, in the order of a deployment; empty where it differs in
    nothing.

    A stack that does not stand yet is compared with nothing: the CLI would make and delete it.
    """
    read = assembly
    if assembly.named(PIPELINE_STACK):
        read = _of_a_review(assembly, scratch / "review")
    for target in targets(read, read.stacks, role=_REVIEW_ROLE):
        stands = target.status(target.client("cloudformation")) not in _NO_STACK
        status, printed = cdk(
            *("diff", target.stack.id, "--exclusively"),
            *("--method", "change-set" if stands else "template", "--app", str(read.folder)),
            environment=target.environment,
        )
        if status != 0:
            raise PipelineError(f"cdk diff of {target} failed:\n{printed.strip()}")
        lines = [line for line in printed.splitlines() if not _NOISE.search(line)]
        reported = "\n".join(lines).strip()
        yield target, "" if reported.endswith(_NO_DIFFERENCE) else reported


def differing(assembly: Assembly) -> Iterator[Target]:
    """The stacks whose deployed templates are not those of the assembly."""
    for target in targets(assembly, assembly.stacks, role=_REVIEW_ROLE):
        client = target.client("cloudformation")
        if target.status(client) in _NO_STACK or not target.is_as_deployed(client):
            yield target


def _of_a_review(assembly: Assembly, folder: Path) -> Assembly:
    """A copy of the assembly that the review's roles can compare, and nobody could deploy."""
    copy = assembly.copy_to(folder)
    # Of this review alone: anyone who can review could leave another template under a known key.
    prefix = f"{_PREFIX}/{uuid.uuid4()}"
    accounts = {stack.id: stack.account for stack in assembly.stacks}
    for id_, artifact in copy.stack_artifacts():
        properties = artifact["properties"]
        properties.pop("assumeRoleArn", None)
        properties.pop("lookupRole", None)
        properties["cloudFormationExecutionRoleArn"] = pipeline_role_arn(
            assembly, _COMPARISON_ROLE, accounts[id_]
        )
        bucket, key = properties["stackTemplateAssetObjectUrl"].removeprefix("s3://").split("/", 1)
        properties["stackTemplateAssetObjectUrl"] = f"s3://{bucket}/{prefix}/{_name(key)}"
    for _, artifact in copy.asset_artifacts():
        name = artifact["properties"]["file"]
        assets = copy.read(name)
        for asset in assets["files"].values():
            for destination in asset["destinations"].values():
                destination.pop("assumeRoleArn", None)
                destination["objectKey"] = f"{prefix}/{_name(destination['objectKey'])}"
        (folder / name).write_text(json.dumps(assets), "utf-8")
    (folder / "manifest.json").write_text(json.dumps(copy.manifest), "utf-8")
    return copy


def _name(key: str) -> str:
    """A key without its folders."""
    return key.rsplit("/", 1)[-1]
