"""Derived grants against what AWS says elsewhere: the texts of its APIs, and its managed policies.

Each entry of evidence.json is a call, everything that it needs, and where that is said: ``says`` is
in botocore's text of the API, ``policy`` is an AWS managed policy that grants the action for this
call. The resources are those of the Service Authorization Reference.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ministack.services import iam

from aws_facts.botocore_models import model
from aws_facts.managed_policies import managed_policies
from delegation.runbooks.permissions.actions import derive
from delegation.runbooks.permissions.calls import Call, FixedValues

_ENTRIES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "evidence.json").read_text())


def _named(entry: dict[str, Any]) -> str:
    return f"{entry['service']} {entry['api']}"


def _policy(name: str) -> str:
    """The text of an AWS managed policy."""
    for known in managed_policies():
        if known.name == name:
            return json.dumps(known.document)
    (arn,) = (arn for arn in iam._aws_managed_policies if arn.endswith(f"/{name}"))
    policy = iam._aws_managed_policies[arn]
    return str(policy["Versions"][policy["DefaultVersionId"]]["Document"])


@pytest.mark.parametrize("entry", _ENTRIES, ids=_named)
def test_call_is_granted_what_aws_says_it_needs(entry: dict[str, Any]) -> None:
    inputs = {"Service": entry["service"], "Api": entry["api"], **entry["inputs"]}

    derived = derive("aws:executeAwsApi", Call(inputs=inputs, values=FixedValues({})))

    assert derived.unseen == ""
    assert sorted(f"{g.action} on {g.resource}" for g in derived.grants) == entry["grants"]


@pytest.mark.parametrize("entry", _ENTRIES, ids=_named)
def test_aws_says_so(entry: dict[str, Any]) -> None:
    actions = [grant.split(" on ")[0] for grant in entry["grants"]]
    if "policy" in entry:
        text = _policy(entry["policy"])
        assert all(f'"{action}"' in text for action in actions)
    else:
        operation = model(entry["service"])["operations"][entry["api"]]
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", operation["documentation"]))
        assert entry["says"] in text


def test_evidence_is_of_many_apis_and_services() -> None:
    assert len({_named(entry) for entry in _ENTRIES}) >= 40
    assert len({entry["service"] for entry in _ENTRIES}) >= 15
