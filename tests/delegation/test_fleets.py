"""Fleets that are refused, each with a line that names the value and where to change it."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from delegation.deployment.fleet_documents import runbook_files_of, with_fleets
from delegation.errors import DelegationError
from delegation.files import read_source
from delegation.model import Deployment, Fleet, IamUser, ServiceRole
from delegation.runbooks.checks.document import check_document
from delegation.runbooks.checks.findings import Findings
from delegation.runbooks.runbook import Runbook, load_runbooks

_LEAF = "Restart-EC2InstanceDemo"
_WEB = ("Tier", "web")


def _deployment(role: dict[str, Any] | None = None, **fleet: Any) -> Deployment:
    found = Fleet(**{"name": "WebTier", "runbook": _LEAF, "instances_tagged": _WEB, **fleet})
    service_role = ServiceRole(**{"name": "Role", "fleets": (found,), **(role or {})})
    return Deployment(operators=(IamUser("alice"),), service_roles=(service_role,))


def _runbooks(**content: Any) -> dict[str, Runbook]:
    leaf = load_runbooks([_LEAF])[_LEAF]
    return {_LEAF: replace(leaf, content={**leaf.content, **content})}


_VALUES: dict[str, tuple[dict[str, Any], str]] = {
    "a short name": ({"name": "ab"}, "fleet 'ab' is not 3 to 46 letters, digits or _.-"),
    "no runbook": ({"runbook": ""}, "runbook of fleet 'WebTier' is '', not a name"),
    "two tags": (
        {"instances_tagged": (_WEB, ("Env", "prod"))},
        "instances_tagged of fleet 'WebTier' has 2 tags; Automation takes one: make a resource "
        "group of them",
    ),
    "a tag and a group": (
        {"resource_group": "web"},
        "both instances_tagged and resource_group of fleet 'WebTier' name its targets",
    ),
    "none at once": ({"at_once": 0}, "at_once of fleet 'WebTier' is 0, neither a number from 1"),
    "a truth value at once": ({"at_once": True}, "at_once of fleet 'WebTier' is True"),
    "too many at once": (
        {"at_once": 101},
        "at_once of fleet 'WebTier' is 101; 100 executions run at the same time",
    ),
    "no percentage": ({"at_once": "0%"}, "at_once of fleet 'WebTier' is '0%', neither a number"),
    "negative errors": ({"errors_allowed": -1}, "errors_allowed of fleet 'WebTier' is -1"),
    "no time": ({"timeout_minutes": 0}, "timeout_minutes of fleet 'WebTier' is 0, not 1 to 43,200"),
    "no choice": ({"one_at_a_time": "yes"}, "one_at_a_time of fleet 'WebTier' is 'yes'"),
    "no alarm": ({"alarm": ""}, "alarm of fleet 'WebTier' is '', not a name"),
    "parameters that are a dict": (
        {"parameters": {"A": "b"}},
        "parameters of fleet 'WebTier' is {'A': 'b'}, not a tuple",
    ),
    "a parameter without a value": (
        {"parameters": (("A",),)},
        "parameters of fleet 'WebTier' holds ('A',), not a name with a text",
    ),
}


@pytest.mark.parametrize("case", _VALUES)
def test_value_is_refused(case: str) -> None:
    fleet, words = _VALUES[case]

    with pytest.raises(DelegationError) as refused:
        _deployment(**fleet)

    assert str(refused.value).startswith(words)
    assert str(refused.value).endswith("(deployments.py)")


_LISTS_TWO = {"InstanceId": {"type": "StringList", "minItems": 2}}
_NAMES_NONE = {"Ids": {"type": "String"}}
_NEEDS_MORE = {"InstanceId": {"type": "StringList"}, "Mode": {"type": "String"}}
_LEAVES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "two targets at least": (
        {"parameters": _LISTS_TWO},
        {},
        "parameter InstanceId of runbook 'Restart-EC2InstanceDemo' takes 2 values at least",
    ),
    "no parameter for a target": (
        {"parameters": _NAMES_NONE, "mainSteps": []},
        {},
        "which parameter of runbook 'Restart-EC2InstanceDemo' takes the target is not clear",
    ),
    "another parameter without a value": (
        {"parameters": _NEEDS_MORE},
        {},
        "runbook 'Restart-EC2InstanceDemo' needs Mode; give it in parameters",
    ),
    "a value for no parameter": (
        {},
        {"parameters": (("Mode", "fast"),)},
        "parameters names 'Mode', which is no other parameter of runbook",
    ),
    "a value for the target": (
        {},
        {"parameters": (("InstanceId", "i-1"),)},
        "parameters names 'InstanceId', which is no other parameter of runbook",
    ),
    "no targets": (
        {},
        {"instances_tagged": None},
        "fleet 'WebTier' names neither instances_tagged nor resource_group, and service role "
        "'Role' has no tags in only_instances_tagged",
    ),
}


@pytest.mark.parametrize("case", _LEAVES)
def test_runbook_that_cannot_be_run_for_targets_is_refused(case: str) -> None:
    content, fleet, words = _LEAVES[case]

    with pytest.raises(DelegationError, match="fleet") as refused:
        with_fleets(_deployment(**fleet), _runbooks(**content))

    assert words in str(refused.value)


def test_targets_of_any_kind_are_refused() -> None:
    leaf = replace(load_runbooks([_LEAF])[_LEAF], target_type="/")

    with pytest.raises(DelegationError, match="name the kind in targetType of its sidecar"):
        with_fleets(_deployment(), {_LEAF: leaf})


def test_executions_that_start_each_other_too_deep_are_refused() -> None:
    def starting(name: str, other: str) -> Runbook:
        step = {
            "name": "next",
            "action": "aws:executeAutomation",
            "inputs": {"DocumentName": other},
        }
        leaf = load_runbooks([_LEAF])[_LEAF]
        return replace(leaf, name=name, content={**leaf.content, "mainSteps": [step]})

    chain = [_LEAF, "Second", "Third", "Fourth"]
    runbooks = {name: starting(name, other) for name, other in pairwise(chain)}

    with pytest.raises(DelegationError, match="start each other, 6 levels with the fleet"):
        with_fleets(_deployment(parameter="InstanceId"), runbooks)


def test_document_of_a_fleet_is_called_as_no_runbook() -> None:
    runbooks = _runbooks()

    with pytest.raises(DelegationError, match="makes a document 'WebTier-Target', as documents/"):
        with_fleets(_deployment(), {**runbooks, "WebTier-Target": runbooks[_LEAF]})
    with pytest.raises(DelegationError, match="runbook 'WebTier' is named 2 times"):
        _deployment({"runbooks": ("WebTier",)})


def test_targets_are_those_of_the_roles_limit_by_default() -> None:
    limited = {"only_instances_tagged": ("Access", ("restart", "all"))}
    made = with_fleets(_deployment(limited, instances_tagged=None), _runbooks())

    (run,) = [step for step in made["WebTier"].content["mainSteps"] if step["name"] == "runTargets"]
    assert run["inputs"]["Targets"] == [{"Key": "tag:Access", "Values": ["restart", "all"]}]


def test_only_the_runbook_is_read_from_documents() -> None:
    assert [*runbook_files_of(_deployment())] == [_LEAF]


@pytest.mark.parametrize("name", ["WebTier", "WebTier-Target"])
def test_documents_of_a_fleet_pass_the_check(tmp_path: Path, name: str) -> None:
    wanted = _deployment(alarm="web-5xx", resource_group="web", instances_tagged=None)
    content = with_fleets(wanted, _runbooks())[name].content
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps(content), "utf-8")
    source = read_source(path)
    findings = Findings(source)

    check_document(source, {"InstanceId": "as in the sidecar of the runbook"}, findings)

    assert findings.sorted() == []
