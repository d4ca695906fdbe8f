"""A rule of every synthesis: nothing comes between what the model specifies and the templates.

CDK can change a resource after it was made: by ``@aws-cdk/core:permissionsBoundary`` in the
context, by Aspects, by overrides. Where one of them touches access, the synthesis fails.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import (
    App,
    IPolicyValidationContext,
    IPolicyValidationPlugin,
    PolicyValidationPluginReport,
    PolicyViolatingResource,
    PolicyViolation,
    Stack,
)
from aws_cdk import aws_iam as iam

from stacks.runbook_document import RunbookDocument
from stacks.runbooks_stack import RunbooksStack

_IAM = (iam.CfnGroup, iam.CfnManagedPolicy, iam.CfnOIDCProvider, iam.CfnRole, iam.CfnUser)
_TYPES = ("AWS::IAM::", "AWS::SSM::")
_CONDITIONAL = {"Condition"}
"""What decides beside its properties whether a resource is there."""
_FIX = (
    "remove what changes it: an Aspect, an override or @aws-cdk/core:permissionsBoundary in "
    "cdk.json; deployments.py has permissions_boundary and tags for a company's rules"
)

Properties = Mapping[str, Any]


@jsii.implements(IPolicyValidationPlugin)
class AsSpecified:
    """Compares IAM resources and documents with what their constructs were given; only tags may be
    added. A resource of IAM or SSM that no construct of this project made is a difference too."""

    def __init__(self, app: App) -> None:
        """Takes note of every stack, by its template's file, before CDK applies Aspects."""
        self._specified = {
            stack.template_file: _specified(stack)
            for stack in app.node.children
            if isinstance(stack, Stack)
        }

    @property
    def name(self) -> str:
        """What the report calls this plugin."""
        return "DelegatedAdministration"

    @property
    def rule_ids(self) -> list[str]:
        """Its one rule."""
        return ["AsSpecified"]

    @property
    def version(self) -> str:
        """For CDK's analytics, which the app turns off."""
        return "1.0.0"

    def validate(self, context: IPolicyValidationContext) -> PolicyValidationPluginReport:
        """A violation for each property that differs."""
        violations = [
            PolicyViolation(
                rule_name="AsSpecified",
                description=f"{difference}; {_FIX}",
                violating_resources=[
                    PolicyViolatingResource(
                        locations=[], resource_logical_id=id_, template_path=str(written)
                    )
                ],
            )
            for written in map(Path, context.template_paths)
            if (specified := self._specified.get(written.name)) is not None
            for id_, difference in _differences(specified, written)
        ]
        return PolicyValidationPluginReport(success=not violations, violations=violations)


def _specified(stack: Stack) -> dict[str, Properties]:
    """The properties of each resource of IAM by its logical id, and of each document."""
    # A stack of documents alone says which; to look through every stack of a hundred accounts
    # would take a second.
    found = stack.documents if isinstance(stack, RunbooksStack) else stack.node.find_all()
    resolved: dict[str, Properties] = {
        str(id_): properties
        for id_, properties in stack.resolve(
            [
                [resource.logical_id, resource._render_properties(resource._cfn_properties)]
                for resource in found
                if isinstance(resource, _IAM)
            ]
        )
    }
    documents = [document for document in found if isinstance(document, RunbookDocument)]
    ids = stack.resolve([document.logical_id for document in documents])
    return resolved | {
        id_: document.specified for id_, document in zip(ids, documents, strict=True)
    }


def _differences(specified: Mapping[str, Properties], path: Path) -> Iterator[tuple[str, str]]:
    """Each difference of a template, with the logical id of its resource."""
    resources = json.loads(path.read_text("utf-8")).get("Resources", {})
    written = {id_: r for id_, r in resources.items() if r["Type"].startswith(_TYPES)}
    for id_ in sorted(specified.keys() | written.keys()):
        if id_ not in specified:
            yield id_, f"{written[id_]['Type']} was added, which the model does not specify"
        elif id_ not in written:
            yield id_, "it is missing"
        else:
            found = {key: written[id_][key] for key in _CONDITIONAL & written[id_].keys()}
            found |= written[id_].get("Properties", {})
            yield from _of_resource(id_, specified[id_], found)


def _of_resource(id_: str, wanted: Properties, found: Properties) -> Iterator[tuple[str, str]]:
    for name in sorted(wanted.keys() | found.keys()):
        old, new = wanted.get(name), found.get(name)
        if name == "Tags":
            old, new = [tag for tag in old or () if tag not in (new or ())], []
        if old != new:
            yield id_, f"{name} is {_shown(new)}, where the model specifies {_shown(old)}"


def _shown(value: object) -> str:
    return "nothing" if value is None else json.dumps(value)
