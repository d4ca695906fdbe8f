"""Fleets that are refused, each with a line that names the value and where to change it."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from delegation.errors import DelegationError
from delegation.files import read_source
from delegation.model import Deployment, Fleet, IamUser, ServiceRole
from delegation.runbooks.checks.document import check_document
from delegation.runbooks.checks.findings import Findings
from delegation.runbooks.fleet_documents import runbook_files_of, with_fleets
from delegation.runbooks.limit_checks import check_role_limits
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
    "a reserved name": ({"name": "AWS-Web"}, "fleet 'AWS-Web': AWS reserves names of documents"),
    "an alarm of a reference": ({"alarm": "{{ Who }}"}, "alarm of fleet 'WebTier' is '{{ Who }}'"),
    "a reference as a value": (
        {"parameters": (("A", "{{ssm:/a}}"),)},
        "parameters of fleet 'WebTier' holds ('A', '{{ssm:/a}}'): a fleet gives values alone",
    ),
    "a role as a value": (
        {"parameters": (("AutomationAssumeRole", "arn"),)},
        "parameters of fleet 'WebTier' holds ('AutomationAssumeRole', 'arn'): a fleet gives",
    ),
    "a value twice": (
        {"parameters": (("A", "b"), ("A", "c"))},
        "parameter of fleet 'WebTier' 'A' is named 2 times",
    ),
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
    "a value that is not allowed": (
        {
            "parameters": {
                "InstanceId": {"type": "StringList"},
                "Mode": {"type": "String", "allowedValues": ["a", "b"]},
            }
        },
        {"parameters": (("Mode", "z"),)},
        "the values of parameters are not what runbook 'Restart-EC2InstanceDemo' takes",
    ),
    "a step called as ours": (
        {"mainSteps": [{"name": "assertFleetAlarmIsOk", "action": "aws:sleep", "inputs": {}}]},
        {"alarm": "web", "parameter": "InstanceId"},
        "step 'assertFleetAlarmIsOk' is called as the step that fleet 'WebTier' puts before it",
    ),
    "a runbook that starts a fleet": (
        {
            "mainSteps": [
                {
                    "name": "next",
                    "action": "aws:executeAutomation",
                    "inputs": {"DocumentName": "WebTier"},
                }
            ]
        },
        {"parameter": "InstanceId"},
        "starts 'WebTier', a document of a fleet",
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

    with pytest.raises(DelegationError) as refused:
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


@pytest.mark.parametrize(
    "limit", [{"at_most_instances": 1}, {"calendar": "Nights"}, {"require_reason": True}]
)
def test_limits_of_runbooks_without_a_runbook_are_refused(limit: dict[str, Any]) -> None:
    with pytest.raises(DelegationError, match="has fleets alone, and limits of runbooks"):
        _deployment(limit)


def test_tags_of_instances_limit_what_a_fleet_runs() -> None:
    backup = load_runbooks(["Backup-EC2Instance"])
    wanted = _deployment({"only_instances_tagged": ("Access", "x")}, runbook="Backup-EC2Instance")
    whole = with_fleets(wanted, backup)

    with pytest.raises(DelegationError, match="only_instances_tagged of service role 'Role'"):
        check_role_limits(wanted.service_roles[0], whole)


def test_made_deployment_is_made_again_with_other_roles() -> None:
    made = _deployment()
    role = replace(made.service_roles[0], fleets=(), runbooks=(_LEAF,))

    again = replace(made, service_roles=(role, *made.service_roles[1:]), teams=())

    assert again.documents == (_LEAF,)


@pytest.mark.parametrize("names", [("RunWeb", "WebTarget"), ("Console", "Web")])
def test_names_that_are_parts_of_the_template_are_refused(names: tuple[str, ...]) -> None:
    fleets = tuple(Fleet(name=name, runbook=_LEAF, instances_tagged=_WEB) for name in names)

    with pytest.raises(DelegationError, match="is called as"):
        _deployment({"fleets": fleets})
