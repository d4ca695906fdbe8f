"""Which jobs of a code host a role lets in, read from its trust, which has to be of one form.

The engine does not know the keys of identity providers. The one form that is taken here compares
claims by equality and needs no engine; whatever else a trust says is a finding.
Source: IAM User Guide, Available keys for AWS OIDC federation; GitHub Docs, OpenID Connect.
"""

import re
from dataclasses import dataclass

from review.iam.names import ASSUME_WITH_TOKEN
from review.model.account import Principal

AUDIENCE = "sts.amazonaws.com"
_SUBJECT = re.compile(
    r"repo:(?P<repository>[\w-]+(?:@\d+)?/[\w.-]+(?:@\d+)?):"
    r"(?P<context>pull_request|ref:refs/heads/[\w./-]+|environment:[\w.-]+)",
    re.ASCII,
)
_REF = re.compile(r"refs/heads/[\w./-]+", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Jobs:
    """The jobs that a role lets in."""

    provider: str
    """ARN of the identity provider."""
    subjects: tuple[str, ...]
    refs: tuple[str, ...]
    """Where a job must run; empty where the subject alone decides."""

    @property
    def issuer(self) -> str:
        """The provider's address, which its condition keys begin with."""
        return self.provider.split(":oidc-provider/", 1)[1]

    @property
    def repositories(self) -> set[str]:
        """The repositories of the subjects."""
        return {match["repository"] for match in map(_SUBJECT.fullmatch, self.subjects) if match}

    def __str__(self) -> str:
        where = f" on {', '.join(self.refs)}" if self.refs else ""
        return f"{', '.join(self.subjects)}{where} (by {self.issuer})"

    @property
    def contexts(self) -> set[str]:
        """What the subjects say beside the repository: ``pull_request``, ``environment:NAME``."""
        return {match["context"] for match in map(_SUBJECT.fullmatch, self.subjects) if match}


def jobs_of(role: Principal) -> Jobs | None:
    """The jobs that a role trusts; None where its trust is not of the one form."""
    statements = role.trust.statements if role.trust else ()
    if len(statements) != 1:
        return None
    (statement,) = statements
    kinds = [kind for kind, _ in statement.principals]
    if (
        kinds != ["Federated"]
        or not statement.allows
        or statement.actions != (ASSUME_WITH_TOKEN,)
        or statement.but_actions
    ):
        return None
    ((_, provider),) = statement.principals
    parts = provider.split(":", 5)
    if len(parts) != 6 or parts[4] != role.account or not parts[5].startswith("oidc-provider/"):
        return None
    issuer = parts[5].removeprefix("oidc-provider/")
    compared = {key: values for operator, key, values in statement.conditions}
    operators = {operator for operator, _, _ in statement.conditions}
    refs = compared.pop(f"{issuer}:ref", ())
    subjects = compared.pop(f"{issuer}:sub", ())
    if (
        operators != {"StringEquals"}
        or compared != {f"{issuer}:aud": (AUDIENCE,)}
        or not subjects
        or not all(map(_SUBJECT.fullmatch, subjects))
        or not all(map(_REF.fullmatch, refs))
    ):
        return None
    return Jobs(provider=provider, subjects=subjects, refs=refs)
