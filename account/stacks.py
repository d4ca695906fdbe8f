"""Whether the stacks stand, from the templates that were synthesized."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from account.aws import Aws
from account.expected import Expected
from account.findings import Finding, Harm
from review.templates.assembly import Template

_DEPLOY = "make diff, then make deploy"


def check_stacks(aws: Aws, expected: Expected) -> Iterator[Finding]:
    """A finding for each stack that is missing, failed, somebody else's, or of another template."""
    for template in expected.templates:
        where = f"{template.stack} in {template.environment.region}"
        body = expected.bodies[template.stack, template.environment.region]
        yield from _check(aws, template, body, where)


def is_deployed(aws: Aws, template: Template) -> bool:
    """Whether a stack of the template's name stands."""
    return _stack(aws, template) is not None


def _stack(aws: Aws, template: Template) -> dict[str, object] | None:
    region = template.environment.region
    answer = aws.read("cloudformation", "describe_stacks", region=region, StackName=template.stack)
    return dict(answer["Stacks"][0]) if answer else None


def _check(
    aws: Aws, template: Template, wanted: Mapping[str, Any], where: str
) -> Iterator[Finding]:
    found = _stack(aws, template)
    if found is None:
        yield Finding(Harm.FUNCTION, f"{where} does not stand", "it was never deployed", _DEPLOY)
        return
    if found.get("Description") != wanted.get("Description"):
        yield Finding(
            Harm.FUNCTION,
            f"{where} is not of this project: {found.get('Description', '')!r}",
            "another team's stack has the name",
            "give the deployment a name_prefix (deployments.py)",
        )
        return
    status = str(found["StackStatus"])
    if not status.endswith("_COMPLETE") or "ROLLBACK" in status:
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
    if json.dumps(deployed, sort_keys=True) != json.dumps(wanted, sort_keys=True):
        yield Finding(
            Harm.ACCESS,
            f"{where} has another template than the one that was synthesized",
            "somebody deployed another version, or changed the stack by hand",
            f"compare: {_DEPLOY}, or check out what is deployed",
        )
