"""Whether what stands in the account forbids deploying a stack.

The CDK CLI updates whatever stack has the name, and deletes what its template does not hold.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pipeline.credentials import Target, asking, credentials_at_hand, region_of
from pipeline.errors import PipelineError
from review.templates.cloud_assembly import Assembly
from review.templates.stack_names import ADMINISTRATION_STACK, unprefixed

_DENIED = "AccessDenied"
_STAYS = (
    "stays as it was at the first deployment (deployments.py). To change it, set it back, remove "
    "what stands (npx cdk destroy --all), and set it anew"
)
_REPLACING = {
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", "Path", "Description"),
    "AWS::IAM::Role": ("RoleName", "Path"),
}
"""The name of a resource, and what CloudFormation changes by making the resource again, which it
cannot under the same name. Source: CloudFormation Template Reference, the types of IAM."""


def obstacles(assembly: Assembly) -> Iterator[str]:
    """A sentence for each stack of the assembly that must not be deployed.

    It asks as the CDK CLI does: as the role that deploys the stack, in the caller's own account
    else by the credentials at hand. A stack that neither may look at is left out, as neither may
    change it.
    """
    caller = credentials_at_hand(region_of(assembly.stacks[0]))
    for stack in assembly.stacks:
        region = region_of(stack)
        account = stack.account or caller.account
        target = Target(stack=stack, region=region, credentials=replace(caller, account=account))
        try:
            client = target.client(
                "cloudformation",
                role=stack.deployment_role,
                is_role_needed=account != caller.account,
            )
            sentence = obstacle(target, client)
        except PipelineError as error:
            if _DENIED not in str(error):
                raise
            continue
        if sentence:
            yield sentence


def obstacle(target: Target, cloudformation: Any) -> str:
    """Why a stack must not be deployed where it would go; empty where nothing forbids it."""
    found = target.standing(cloudformation)
    if found is None or found["StackStatus"] == "REVIEW_IN_PROGRESS":
        if unprefixed(target.stack.name) == ADMINISTRATION_STACK:
            return _second_deployment(target, cloudformation)
        return ""
    return _foreign(target, found) or _replacement(target, cloudformation)


def _foreign(target: Target, found: Mapping[str, Any]) -> str:
    """Whether another stack stands under this one's name. A description, as this project gives one
    to each of its stacks, tells them apart."""
    theirs, ours = found.get("Description", ""), target.stack.template.get("Description")
    if theirs == ours:
        return ""
    return (
        f"{target} stands already and is not of this project: it is described as {theirs!r}, not "
        f"as {ours!r}. Nothing was changed; delete that stack, make it again under another name, "
        f"or give this deployment a name_prefix (deployments.py, docs/adopt.md)"
    )


def _second_deployment(target: Target, cloudformation: Any) -> str:
    """Whether a deployment of another prefix stands: an account has one."""
    with asking(f"which stacks stand beside {target}"):
        pages = cloudformation.get_paginator("describe_stacks").paginate()
        others = [
            stack["StackName"]
            for page in pages
            for stack in page["Stacks"]
            if stack.get("Description") == target.stack.template.get("Description")
            and stack["StackName"] != target.stack.name
        ]
    if not others:
        return ""
    return (
        f"{target} would be a second deployment: {others[0]} stands there. Nothing was changed; "
        f"name_prefix {_STAYS}"
    )


def _replacement(target: Target, cloudformation: Any) -> str:
    """Whether CloudFormation would have to make a named role or policy again."""
    was = target.deployed_template(cloudformation).get("Resources", {})
    for id_, resource in target.stack.template.get("Resources", {}).items():
        name, *others = _REPLACING.get(resource["Type"], ("",))
        before = was.get(id_, {}).get("Properties", {})
        after = resource.get("Properties", {})
        if name and before.get(name) == after.get(name) is not None:
            for key in others:
                if before.get(key) != after.get(key):
                    return (
                        f"{target} would have to make {after[name]} again: its {key} changes from "
                        f"{before.get(key, '/')!r} to {after.get(key, '/')!r}, which "
                        f"CloudFormation refuses for a name that exists. Nothing was changed; "
                        f"iam_path {_STAYS}"
                    )
    return ""
