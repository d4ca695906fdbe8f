"""The account as the AWS CLI sees it: answers, waiting by hand, and refusals."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from tests.sandbox.conftest import Document, Make

pytestmark = pytest.mark.sandbox

_WAIT = {"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}}


def _aws(
    sandbox: Sandbox, *arguments: str, keys: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "awscli", *arguments],
        env={**os.environ, **sandbox.environment(keys)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _json(done: subprocess.CompletedProcess[str]) -> Document:
    assert done.returncode == 0, done.stderr
    answer: Document = json.loads(done.stdout)
    return answer


def test_document_is_made_from_a_file_and_run_with_shorthand_parameters(
    sandbox: Sandbox, unique: str, tmp_path: Path
) -> None:
    parameters = {"Ids": {"type": "StringList"}}
    content = {"schemaVersion": "0.3", "parameters": parameters, "mainSteps": [_WAIT]}
    file = tmp_path / "document.json"
    file.write_text(json.dumps(content), "utf-8")

    created = _json(
        _aws(
            sandbox,
            *("ssm", "create-document", "--name", unique, "--document-type", "Automation"),
            *("--content", f"file://{file}"),
        )
    )
    started = _json(
        _aws(
            sandbox,
            *("ssm", "start-automation-execution", "--document-name", unique),
            *("--parameters", "Ids=a,b"),
        )
    )
    time.sleep(0.3)
    execution = _json(
        _aws(
            sandbox,
            *("ssm", "get-automation-execution", "--automation-execution-id"),
            started["AutomationExecutionId"],
        )
    )["AutomationExecution"]

    assert created["DocumentDescription"]["Status"] == "Active"
    assert execution["AutomationExecutionStatus"] == "Success"
    assert execution["Parameters"] == {"Ids": ["a", "b"]}


def test_refusals_are_the_clis_own_errors(sandbox: Sandbox, runbook: Make, user: Any) -> None:
    name = runbook(_WAIT)
    keys = user({"Effect": "Allow", "Action": "ssm:ListDocuments", "Resource": "*"})

    denied = _aws(sandbox, "ssm", "get-document", "--name", name, keys=keys)
    unknown = _aws(sandbox, "ssm", "get-document", "--name", "No-SuchDocument")
    allowed = _aws(sandbox, "ssm", "list-documents", keys=keys)

    assert denied.returncode != 0
    assert "(AccessDeniedException) when calling the GetDocument operation" in denied.stderr
    assert f"ssm:GetDocument on resource: arn:aws:ssm:us-east-1:000000000000:document/{name}" in (
        denied.stderr
    )
    assert "(InvalidDocument) when calling the GetDocument operation" in unknown.stderr
    assert allowed.returncode == 0
