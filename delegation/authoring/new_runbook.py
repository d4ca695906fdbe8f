"""A runbook to start from: a document that passes the check, with its sidecar."""

import json
from pathlib import Path

from delegation.authoring.schema import FILE, runbook_schema
from delegation.errors import DelegationError
from delegation.runbooks.runbook import name_faults, runbook_files
from delegation.runbooks.sidecar import SIDECAR_ENDING
from delegation.user_files import documents, shown

_DOCUMENT = """\
# yaml-language-server: $schema=../{schema}
# Every field and action: python -m delegation rules, and the check.
schemaVersion: "0.3"
description: Stops an EC2 instance and waits until it is stopped; say here what yours does
parameters:
  InstanceId:
    type: AWS::EC2::Instance::Id
    description: (Required) The instance.
mainSteps:
- name: stopInstance
  action: aws:changeInstanceState
  description: What the step is for, and what it leaves behind where it fails.
  timeoutSeconds: 600
  onFailure: Abort
  inputs:
    InstanceIds: ["{{{{ InstanceId }}}}"]
    DesiredState: stopped
"""
_SIDECAR = """\
# What delegation has to know about the runbook beside the document itself. All keys are optional.
targetType: /AWS::EC2::Instance
# freeParameters:
#   Comment: why this parameter may take any text
# needs:
# - step: stepWhoseCallsCannotBeSeen
#   actions: [service:Action]
#   resources: ["arn:${AWS::Partition}:service:${AWS::Region}:${AWS::AccountId}:what/it/acts-on"]
#   why: what the step does with it
"""
_SCENARIOS = Path("tests/documents/scenarios.py")
"""Where this project's own repository says what each runbook is rehearsed with."""
_SCENARIO = """\
    "{name}": [
        Scenario(name="stops", leaves=lambda world, run: world.state()[1] == "stopped"),
    ],
"""


def write_runbook(name: str) -> list[Path]:
    """Writes the document, its sidecar and the schema for editors, and in this project's own
    repository a scenario; the files that were written.

    Raises DelegationError for a name that SSM does not take, or that has a runbook already.
    """
    folder = documents()
    for allowed in name_faults(name):
        raise DelegationError(f"a document cannot be named {name!r}: {allowed}")
    if name in runbook_files(folder):
        raise DelegationError(f"runbook {name!r} exists: {shown(runbook_files(folder)[name])}")
    texts = {
        folder / f"{name}.yaml": _DOCUMENT.format(schema=FILE),
        folder / f"{name}{SIDECAR_ENDING}": _SIDECAR,
        folder.parent / FILE: f"{json.dumps(runbook_schema(), indent=1)}\n",
    }
    sidecar = folder / f"{name}{SIDECAR_ENDING}"
    if sidecar.exists():
        raise DelegationError(f"{shown(sidecar)} exists, and would be written; move it away")
    others = _SCENARIOS.read_text("utf-8").rstrip() if _SCENARIOS.exists() else ""
    if others.endswith("\n}"):
        others = others.removesuffix("}")
        texts[_SCENARIOS] = f"{others}{_SCENARIO.format(name=name)}}}\n"
    for path, text in texts.items():
        path.write_text(text, "utf-8")
    return [*texts]
