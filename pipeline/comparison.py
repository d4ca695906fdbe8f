"""What a deployment would change in the account: ``cdk diff`` by change set, for a pull request.

The CDK CLI compares with the roles that deploy: it uploads the template to where deployments take
theirs from, and makes a change set of an administrator. A pull request must do neither. So where
PipelineStack has roles for it, the CLI gets a copy of the assembly that names those: templates
under a prefix of their own, and change sets of a role that may change nothing.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from pipeline.access import Target, targets
from pipeline.assembly import PIPELINE_STACK, Assembly
from pipeline.cdk import cdk
from pipeline.errors import PipelineError

REVIEW_ROLE = "PipelineReviewRole"
_COMPARISON_ROLE = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/PipelineComparisonRole"
_PREFIX = "review/"
_KEY = re.compile(r"(?:.*/)?([0-9a-f]{64}\.json)")
_STACK, _ASSETS = "aws:cloudformation:stack", "cdk:asset-manifest"
_NOISE = re.compile(
    r"start: Building|success: Built|start: Publishing|success: Published|Hold on while we create"
    r"|Number of stacks with differences|^\s*$|^\s*\(node:|^Some assets"
)


def compared(assembly: Assembly, scratch: Path) -> Iterator[tuple[Target, str]]:
    """What ``cdk diff`` says of each stack, in the order of a deployment.

    A stack that does not stand yet is compared with nothing: the CLI would make and delete it.
    """
    read = assembly
    if assembly.named(PIPELINE_STACK):
        read = _of_a_review(assembly, scratch / "review")
    for target in targets(read.stacks, role=REVIEW_ROLE):
        method = "change-set" if _stands(target) else "template"
        status, printed = cdk(
            *("diff", target.stack.id, "--exclusively", "--method", method),
            *("--app", str(read.folder)),
            environment={**target.access.environment, "AWS_REGION": target.region},
        )
        if status != 0:
            raise PipelineError(f"cdk diff of {target.shown} failed:\n{printed.strip()}")
        lines = [line for line in printed.splitlines() if not _NOISE.search(line)]
        yield target, "\n".join(lines).strip()


def changed(assembly: Assembly) -> Iterator[Target]:
    """The stacks whose deployed templates are not those of the assembly."""
    for target in targets(assembly.stacks, role=REVIEW_ROLE):
        if not _stands(target) or deployed_template(target) != target.stack.template:
            yield target


def deployed_template(target: Target, client: Any = None) -> Any:
    """The template of the stack that stands, as it was deployed."""
    cloudformation = client or target.access.client("cloudformation", target.region)
    answer = cloudformation.get_template(StackName=target.stack.name, TemplateStage="Original")
    body = answer["TemplateBody"]
    return json.loads(body) if isinstance(body, str) else body


def _stands(target: Target) -> bool:
    cloudformation = target.access.client("cloudformation", target.region)
    try:
        (stack,) = cloudformation.describe_stacks(StackName=target.stack.name)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return False
        raise PipelineError(f"{target.shown} cannot be read: {error}") from None
    return bool(stack["StackStatus"] != "REVIEW_IN_PROGRESS")


def _of_a_review(assembly: Assembly, folder: Path) -> Assembly:
    """A copy of the assembly that the review's roles can compare, and nobody could deploy."""
    copy = assembly.copy_to(folder)
    manifest = copy.manifest
    for artifact in _of_types(manifest, _STACK):
        properties = artifact["properties"]
        properties.pop("assumeRoleArn", None)
        properties.pop("lookupRole", None)
        properties["cloudFormationExecutionRoleArn"] = _COMPARISON_ROLE
        url = properties["stackTemplateAssetObjectUrl"]
        bucket, key = url.removeprefix("s3://").split("/", 1)
        properties["stackTemplateAssetObjectUrl"] = f"s3://{bucket}/{_of_review(key)}"
    for artifact in _of_types(manifest, _ASSETS):
        name = artifact["properties"]["file"]
        assets = copy.read(name)
        for asset in assets["files"].values():
            for destination in asset["destinations"].values():
                destination.pop("assumeRoleArn", None)
                destination["objectKey"] = _of_review(destination["objectKey"])
        (folder / name).write_text(json.dumps(assets), "utf-8")
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return copy


def _of_types(manifest: Any, type_: str) -> Iterable[dict[str, Any]]:
    return [a for a in manifest["artifacts"].values() if a.get("type") == type_]


def _of_review(key: str) -> str:
    match = _KEY.fullmatch(key)
    if match is None:
        raise PipelineError(f"the template's key {key!r} is not HASH.json; run: make synth")
    return f"{_PREFIX}{match[1]}"
