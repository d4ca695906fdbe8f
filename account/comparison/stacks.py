"""Whether the stacks stand, from the templates that were synthesized."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from account.aws import Aws
from account.comparison.physical import log_group
from account.expected import Expected
from account.findings import Finding, Harm, guarded
from account.live_iam import LiveIam, read_iam
from review.templates.assembly import Template
from review.templates.resource_types import DOCUMENT, LOG, MANAGED_POLICY
from review.templates.resources import Resource

_NOT_YET = ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE")
"""States of a stack that makes nothing: a change set that nobody executed, and what is left."""
_NAMED = {DOCUMENT: "document", LOG: "log group"}
_DEPLOY = "make diff, then make deploy"


def check_stacks(aws: Aws, expected: Expected) -> Iterator[Finding]:
    """A finding for each stack that failed, is somebody else's, or of another template."""
    for template in expected.templates:
        where = f"{template.stack} in {template.environment.region}"
        body = expected.bodies[template.stack, template.environment.region]
        yield from guarded(where, _check(aws, template, body, where))


def _shown(template: Any) -> str:
    """A template as CloudFormation shows it: what is not ASCII is a question mark.

    Source: aws-cloudformation/cloudformation-coverage-roadmap, issue 814.
    """
    text = json.dumps(template, sort_keys=True, ensure_ascii=False)
    return text.encode("ascii", "replace").decode()


def missing_stacks(aws: Aws, expected: Expected) -> list[Template]:
    """The templates whose stacks do not stand."""
    return [template for template in expected.templates if _stack(aws, template) is None]


def check_missing(aws: Aws, expected: Expected, missing: list[Template]) -> Iterator[Finding]:
    """A finding for each stack that does not stand, and for each name that it would take and that
    exists already."""
    live = read_iam(aws) if missing else None
    for template in missing:
        where = f"{template.stack} in {template.environment.region}"
        yield Finding(
            Harm.FUNCTION,
            f"{where} does not stand",
            "it was never deployed, or was deleted",
            _DEPLOY,
        )
        for resource in expected.resources:
            if resource.template is template and live is not None and _exists(aws, live, resource):
                what = resource.kind or _NAMED[resource.type]
                yield Finding(
                    Harm.FUNCTION,
                    f"{what} {resource.name} exists already, and {where} would make it",
                    "somebody made it by hand, or another deployment",
                    "delete it, or give the deployment a name_prefix (docs/adopt.md)",
                )


def _exists(aws: Aws, live: LiveIam, resource: Resource) -> bool:
    if resource.type == MANAGED_POLICY:
        return resource.arn in live.policies
    if resource.kind:
        return (resource.kind, resource.name) in live.identities
    if resource.type == DOCUMENT:
        return bool(
            aws.read("ssm", "describe_document", region=resource.region, Name=resource.name)
        )
    if resource.type == LOG:
        return log_group(aws, resource.region, resource.name) is not None
    return False


def _stack(aws: Aws, template: Template) -> dict[str, object] | None:
    region = template.environment.region
    answer = aws.read("cloudformation", "describe_stacks", region=region, StackName=template.stack)
    found = dict(answer["Stacks"][0]) if answer else None
    return None if found and found["StackStatus"] in _NOT_YET else found


def _check(
    aws: Aws, template: Template, wanted: Mapping[str, Any], where: str
) -> Iterator[Finding]:
    found = _stack(aws, template) or {}
    if found.get("Description") != wanted.get("Description"):
        yield Finding(
            Harm.FUNCTION,
            f"{where} is not of this project: {found.get('Description', '')!r}",
            "another team's stack has the name",
            "give the deployment a name_prefix (deployments.py)",
        )
        return
    status = str(found["StackStatus"])
    is_clean = status.removesuffix("_CLEANUP_IN_PROGRESS").endswith("_COMPLETE")
    if not is_clean or "ROLLBACK" in status:
        yield Finding(
            Harm.FUNCTION,
            f"{where} is {status}",
            "its last deployment did not succeed, or is under way",
            "read its events; npx cdk rollback, or deploy again",
        )
    answer = aws.read(
        "cloudformation",
        "get_template",
        region=template.environment.region,
        StackName=template.stack,
        TemplateStage="Original",
    )
    body = answer["TemplateBody"] if answer else {}
    deployed = json.loads(body) if isinstance(body, str) and body.startswith("{") else body
    if _shown(deployed) != _shown(wanted):
        yield Finding(
            Harm.ACCESS,
            f"{where} has another template than the one that was synthesized",
            "somebody deployed another version, or changed the stack by hand",
            f"compare: {_DEPLOY}, or check out what is deployed",
        )
