"""The text of AWS managed policies, one file each in ``policies/``, with version and date."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "policies"


@dataclass(frozen=True, kw_only=True, slots=True)
class ManagedPolicy:
    """A version of an AWS managed policy.

    Source: iam:GetPolicyVersion, as the AWS Managed Policy Reference Guide shows it.
    """

    arn: str
    """In the partition ``aws``: ``arn:aws:iam::aws:policy/service-role/NAME``."""
    version: str
    """``v9``."""
    date: str
    """When AWS published this version: ``2026-03-20``."""
    document: Mapping[str, Any]

    @property
    def path(self) -> str:
        """The part of the ARN that is the same in every partition: ``policy/…``."""
        return self.arn.split(":", 5)[5]

    @property
    def name(self) -> str:
        """``AmazonSSMAutomationRole``."""
        return self.path.rsplit("/", 1)[1]


@cache
def managed_policies() -> tuple[ManagedPolicy, ...]:
    """Every policy of the folder, by name."""
    return tuple(_read(path) for path in sorted(FOLDER.glob("*.json")))


def _read(path: Path) -> ManagedPolicy:
    text = json.loads(path.read_text("utf-8"))
    return ManagedPolicy(
        arn=text["Arn"],
        version=text["VersionId"],
        date=text["UpdateDate"],
        document=text["Document"],
    )
