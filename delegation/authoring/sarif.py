"""Findings of the check as SARIF 2.1.0, which code hosts show beside the lines.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0.
"""

from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from delegation.runbooks.checks.findings import Finding
from delegation.runbooks.checks.rules import Rule

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_sarif(findings: Iterable[Finding]) -> dict[str, Any]:
    """A log of one run; the lines and columns of a file count from 1."""
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "delegation check",
                        "rules": [
                            {
                                "id": rule.value,
                                "shortDescription": {"text": rule.summary},
                                "help": {"text": f"Source: {rule.source}"},
                            }
                            for rule in Rule
                        ],
                    }
                },
                "results": [_result(finding) for finding in findings],
            }
        ],
    }


def _result(finding: Finding) -> dict[str, Any]:
    return {
        "ruleId": finding.rule.value,
        "level": "error",
        "message": {"text": finding.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": PurePath(finding.file).as_posix()},
                    "region": {"startLine": finding.line, "startColumn": finding.column},
                }
            }
        ],
    }
