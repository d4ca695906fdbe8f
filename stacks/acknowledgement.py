"""cdk-nag findings that are answered with a reason instead of a change."""

from collections.abc import Iterable, Mapping

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct

from delegation.policies.statements import Statement

WILDCARD_RULE = "AwsSolutions-IAM5"
STANDARDS = ("HIPAA.Security", "NIST.800.53.R5", "PCI.DSS.321")
"""The packs that the tests run beside AwsSolutions; they share rule names."""

GUIDES_USER = "the guide attaches the policy to the user (Create an IAM Test User, step 2)"


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Answers each finding (``AwsSolutions-SMG4``, ``HIPAA.Security-…``) on this construct alone.

    The id is ``pack::rule``: only so does it appear, with its reason, in validation-report.json.
    """
    if reasons:
        Validations.of(construct).acknowledge(
            *(
                Acknowledgment(id=f"{_pack(finding)}::{finding}", reason=reason)
                for finding, reason in reasons.items()
            )
        )


def in_standards(rule: str, reason: str) -> dict[str, str]:
    """The finding of a rule in each of the standards' packs, with one reason."""
    return {f"{pack}-{rule}": reason for pack in STANDARDS}


def wildcard_reasons(statements: Iterable[Statement]) -> dict[str, str]:
    """The finding for every allowed resource that holds ``*``, with its statement's reason."""
    reasons: dict[str, list[str]] = {}
    for statement in statements:
        if statement.effect != "Allow":
            continue
        for resource in statement.resources:
            if "*" in resource:
                finding = f"{WILDCARD_RULE}[Resource::{_as_nag_shows(resource)}]"
                reasons.setdefault(finding, []).append(
                    f"{statement.sid}: {statement.why} ({statement.source})"
                )
    return {finding: "; ".join(dict.fromkeys(why)) for finding, why in reasons.items()}


def _as_nag_shows(resource: str) -> str:
    return resource.replace("${", "<").replace("}", ">")


def _pack(finding: str) -> str:
    return finding.split("-", 1)[0]
