"""What CloudFormation's execution role needs to make, change and delete the stacks of assemblies.

For ``cdk bootstrap --cloudformation-execution-policies``, in place of AdministratorAccess.
"""

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.execution_role.grants import Condition, Grant, boundary_removals, grants_of
from review.templates.assembly import Template, given_environment, read_templates

POLICY_CHARACTERS = 6144
"""A managed policy's largest size without white space. Source: IAM User Guide, quotas."""
MOST_POLICIES = 10
"""Managed policies that a role takes by default. Source: IAM User Guide, quotas."""


def write_policies(
    assemblies: Iterable[Path], *, account: str | None, folder: Path
) -> Iterator[str]:
    """Writes the policies that deploy all of these assemblies, and yields how to use them, a line
    each."""
    place = given_environment(region=os.environ.get("AWS_REGION"))
    read = [read_templates(path, place) for path in assemblies]
    known = sorted({each.environment.account for templates in read for each in templates})
    if account is None and len(known) > 1:
        raise PipelineError(
            f"the assembly is of accounts {', '.join(known)}; name one: --account {known[0]}"
        )
    if account not in (None, *known):
        raise PipelineError(f"account {account!r} is none of {', '.join(known)}")
    mine = [
        [each for each in templates if account in (None, each.environment.account)]
        for templates in read
    ]
    if not folder.is_dir():
        raise PipelineError(f"{folder} is not a folder; make it, or name another: --folder DIR")
    names = []
    for number, document in enumerate(execution_policies(mine), start=1):
        names.append(name := f"DelegationExecution{number}")
        file = folder / f"{name}.json"
        file.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
        yield f"aws iam create-policy --policy-name {name} --policy-document file://{file}"
    environment = next(each for templates in mine for each in templates).environment
    is_known = not environment.assumed
    of = environment.account if is_known else "ACCOUNT"
    partition = environment.partition if is_known else "aws"
    arns = ",".join(f"arn:{partition}:iam::{of}:policy/{name}" for name in names)
    yield f"npx cdk bootstrap --cloudformation-execution-policies {arns}"


def execution_policies(assemblies: Iterable[Iterable[Template]]) -> list[dict[str, Any]]:
    """The documents of the managed policies that deploy each of these assemblies' templates, each
    within IAM's size. PipelineError for a type whose handlers are not known, and for more policies
    than a role takes."""
    read = [tuple(templates) for templates in assemblies]
    grants = {grant for templates in read for grant in grants_of(templates)}
    grants |= set(boundary_removals(read))
    policies = [*_policies(_statements(grants))]
    if len(policies) > MOST_POLICIES:
        raise PipelineError(
            f"the stacks need {len(policies)} policies of the execution role, IAM takes "
            f"{MOST_POLICIES}; name fewer runbooks, people or Regions (deployments.py)"
        )
    return policies


def _statements(grants: Iterable[Grant]) -> list[dict[str, Any]]:
    """The grants as few statements: the same actions, under the same conditions, on many."""
    values: dict[tuple[str, str, str, str], set[str]] = defaultdict(set)
    for grant in (grants := tuple(grants)):
        for operator, key, allowed in grant.conditions:
            values[grant.action, grant.resource, operator, key].update(allowed)
    grants = [
        replace(
            grant,
            conditions=tuple(
                (operator, key, tuple(sorted(values[grant.action, grant.resource, operator, key])))
                for operator, key, _ in grant.conditions
            ),
        )
        for grant in grants
    ]
    actions: dict[tuple[str, tuple[Condition, ...]], set[str]] = defaultdict(set)
    for grant in grants:
        actions[grant.resource, grant.conditions].add(grant.action)
    resources: dict[tuple[tuple[str, ...], tuple[Condition, ...]], list[str]] = defaultdict(list)
    for (resource, conditions), names in actions.items():
        resources[tuple(sorted(names)), conditions].append(resource)
    return [
        {
            "Effect": "Allow",
            "Action": [*names],
            "Resource": sorted(on),
            **({"Condition": _condition(conditions)} if conditions else {}),
        }
        for (names, conditions), on in sorted(resources.items())
    ]


def _condition(conditions: Iterable[Condition]) -> dict[str, Any]:
    return {operator: {key: [*values]} for operator, key, values in conditions}


def _policies(statements: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The statements in policies within IAM's size, a statement that is too large in parts."""
    held: list[Mapping[str, Any]] = []
    for statement in (part for each in statements for part in _parts(each)):
        if held and _size([*held, statement]) > POLICY_CHARACTERS:
            yield _document(held)
            held = []
        held.append(statement)
    if held:
        yield _document(held)


def _parts(statement: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    on = statement["Resource"]
    if _size([statement]) <= POLICY_CHARACTERS or len(on) == 1:
        yield statement
        return
    half = len(on) // 2
    for part in (on[:half], on[half:]):
        yield from _parts({**statement, "Resource": part})


def _document(statements: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [*statements]}


def _size(statements: list[Mapping[str, Any]]) -> int:
    return len(json.dumps(_document(statements), separators=(",", ":")))
