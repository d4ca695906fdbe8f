"""The whole check of one runbook's document, schema 0.3.

Source: Systems Manager User Guide, Automation runbooks: data elements and parameters.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from delegation.files import Date, Location, Source
from delegation.runbooks.checks.delegation_rules import check_delegation, is_role_parameter
from delegation.runbooks.checks.findings import Findings, listed, shown_value
from delegation.runbooks.checks.flow import check_flow
from delegation.runbooks.checks.grammar import check_grammar
from delegation.runbooks.checks.parameters import check_parameters, check_variables
from delegation.runbooks.checks.references import Reference, references_in
from delegation.runbooks.checks.rules import Rule
from delegation.runbooks.checks.scope import Scope, Step, by_name, count_steps, named_steps
from delegation.runbooks.checks.steps import check_names, check_step, check_step_shapes

MAXIMUM_BYTES = 64 * 1024
"""Largest document SSM takes. Source: SSM API Reference, CreateDocument, Content."""
ASSUME_ROLE_BYTES = len('"assumeRole": "arn:aws-us-gov:iam::123456789012:role/", ') + 64
"""Room that the deployed ``assumeRole`` takes, with the longest role name."""

FIELDS = (
    "schemaVersion",
    "description",
    "assumeRole",
    "parameters",
    "variables",
    "mainSteps",
    "outputs",
    "files",
)
_DEEPEST = 100
"""Levels of nesting that a document may have; far more than any action's inputs."""
_LARGEST_INTEGER = 2**53
"""Above it, JavaScript and so CDK would deploy another number."""


def check_document(source: Source, free_parameters: Mapping[str, str], findings: Findings) -> None:
    """Notes everything that is wrong with a document.

    ``free_parameters`` are those that its sidecar lets take any text, each with its why.
    """
    content = source.content
    findings.add_repeated_keys()
    _check_deployable(content, findings)
    _check_top(content, findings)
    parameters = check_parameters(content, findings)
    variables = check_variables(content, findings)
    check_delegation(content, parameters, free_parameters, findings)
    check_step_shapes(content.get("mainSteps"), ("mainSteps",), findings)
    steps = list(named_steps(content))
    check_names(steps, findings)
    scope = Scope(
        parameters=parameters,
        variables=variables,
        steps=by_name(steps),
    )
    _check_defaults(content, scope, findings)
    for step in steps:
        check_step(step, scope, findings)
        check_grammar(step, scope, findings)
    if len({step.name for step in steps}) == count_steps(content):
        check_flow(steps, scope, findings)
    _check_outputs(content, scope, findings)
    _check_attachments(content, steps, findings)
    if steps:
        _check_used(content, scope, findings)


def _check_top(content: Mapping[str, Any], findings: Findings) -> None:
    for key in content:
        if key not in FIELDS:
            findings.add_unknown(Rule.UNKNOWN_FIELD, (str(key),), "field of a document", FIELDS)
    version = content.get("schemaVersion")
    if version != "0.3":
        found = f"is {shown_value(version)}" if "schemaVersion" in content else "is missing"
        allowed = 'an Automation document has "0.3", in quotes'
        findings.add(Rule.SCHEMA_VERSION, ("schemaVersion",), found, allowed)
    if content.get("files"):
        findings.add(
            Rule.DEPLOY,
            ("files",),
            "declares attachments, which the deployment does not carry",
            "put the code into the step's Script",
            at_key=True,
        )
    description = content.get("description", "")
    if not isinstance(description, str):
        findings.add(Rule.SHAPE, ("description",), f"is {shown_value(description)}", "a string")
    size = len(as_sent(content).encode()) + ASSUME_ROLE_BYTES
    if size > MAXIMUM_BYTES:
        findings.add(
            Rule.SIZE,
            (),
            f"is {size:,} bytes as deployed with assumeRole",
            f"SSM takes {MAXIMUM_BYTES:,} (64 KB); split it into runbooks of their own",
        )


def as_sent(content: Mapping[str, Any]) -> str:
    """A document as CloudFormation's handler sends it to SSM: indented, and not escaped.

    Source: aws-cloudformation-resource-providers-ssm, which writes it by Jackson's pretty printer.
    """
    return json.dumps(content, ensure_ascii=False, indent=2, separators=(",", " : "))


def _check_deployable(content: Mapping[str, Any], findings: Findings) -> None:
    """Notes what CDK or CloudFormation would read, or change, instead of deploying it."""
    for location, value in _walk(content):
        if len(location) > _DEEPEST:
            findings.add(Rule.DEPLOY, location, "is nested too deep", f"at most {_DEEPEST} levels")
            return
        if value is None:
            findings.add(Rule.DEPLOY, location, "is null, which CDK drops", "remove it")
        if isinstance(value, Date):
            findings.add(Rule.DEPLOY, location, f"is {value}, a date", "put it in quotes")
        if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
            findings.add(
                Rule.DEPLOY, location, f"is {value}, too large a number", "put it in quotes"
            )
        if isinstance(value, str) and ("{{resolve:" in value or "${Token[" in value):
            findings.add(
                Rule.DEPLOY,
                location,
                f"is {shown_value(value)}, which CloudFormation would fill in",
                "a runbook reads secrets and parameters by its steps",
            )
        for key in value if isinstance(value, dict) else ():
            if not isinstance(key, str):
                findings.add(
                    Rule.DEPLOY,
                    location,
                    f"has the key {key!r}, which is not a string",
                    "put it in quotes",
                )
            elif key in ("Ref", "__proto__") or key.startswith("Fn::"):
                findings.add(
                    Rule.DEPLOY,
                    (*location, key),
                    "is a key that CloudFormation would read",
                    "another name",
                    at_key=True,
                )


def _walk(value: object, location: Location = ()) -> Iterator[tuple[Location, object]]:
    queue: list[tuple[Location, object]] = [(location, value)]
    while queue:
        location, value = queue.pop()
        yield location, value
        if len(location) > _DEEPEST:
            return
        if isinstance(value, dict):
            queue += [((*location, str(key)), element) for key, element in value.items()]
        elif isinstance(value, list):
            queue += [((*location, index), element) for index, element in enumerate(value)]


def _check_defaults(content: Mapping[str, Any], scope: Scope, findings: Findings) -> None:
    """Notes references to nothing in the defaults of parameters."""
    parameters = content.get("parameters")
    for name, field in (parameters if isinstance(parameters, dict) else {}).items():
        default = field.get("default") if isinstance(field, dict) else None
        for reference in references_in(default, ("parameters", str(name), "default")):
            scope.type_of(reference, findings)


def _check_outputs(content: Mapping[str, Any], scope: Scope, findings: Findings) -> None:
    outputs = content.get("outputs", [])
    if not isinstance(outputs, list):
        findings.add(
            Rule.SHAPE, ("outputs",), f"is {shown_value(outputs)}", "a list of step.Output"
        )
        return
    for index, output in enumerate(outputs):
        location = ("outputs", index)
        if not isinstance(output, str):
            findings.add(Rule.SHAPE, location, f"is {shown_value(output)}", "a string, step.Output")
            continue
        name = output.strip().removeprefix("{{").removesuffix("}}").strip()
        scope.type_of(Reference(name, location), findings)


def _check_attachments(
    content: Mapping[str, Any], steps: Iterable[Step], findings: Findings
) -> None:
    """Notes scripts in attachments that the document does not declare."""
    files = content.get("files")
    known = list(map(str, files)) if isinstance(files, dict) else []
    for step in steps:
        attachment = step.inputs.get("Attachment")
        if isinstance(attachment, str) and attachment not in known:
            findings.add(
                Rule.UNKNOWN_REFERENCE,
                (*step.location, "inputs", "Attachment"),
                f"{attachment!r} is not in the document's files",
                f"known: {listed(known) or 'none'}",
                among=known,
                like=attachment,
            )


def _check_used(content: Mapping[str, Any], scope: Scope, findings: Findings) -> None:
    for reference in references_in(content.get("description", "")):
        scope.used_parameters.add(reference.name)
    for reference in references_in(content.get("assumeRole", "")):
        scope.used_parameters.add(reference.name)
    for step in scope.steps.values():
        for reference in references_in(step.inputs.get("Script", "")):
            scope.used_parameters.add(reference.name)
    for name in scope.parameters:
        if name not in scope.used_parameters and not is_role_parameter(name, scope.parameters):
            findings.add(
                Rule.UNUSED_PARAMETER,
                ("parameters", name),
                "is used by no step",
                f"refer to it as {{{{ {name} }}}}, or remove it",
                at_key=True,
            )
