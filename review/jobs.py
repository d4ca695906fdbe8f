"""Which jobs of a code host a role lets in, read from its trust, which has to be of one form.

The engine does not know the keys of identity providers. The one form that is taken here compares
claims by equality and needs no engine; whatever else a trust says is a finding.
Source: IAM User Guide, Available keys for AWS OIDC federation; GitHub Docs, OpenID Connect.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from review.aws import ASSUME_WITH_TOKEN
from review.judge import Decision
from review.model import Principal

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

    @property
    def contexts(self) -> set[str]:
        """What the subjects say beside the repository: ``pull_request``, ``environment:NAME``."""
        return {match["context"] for match in map(_SUBJECT.fullmatch, self.subjects) if match}

    def admit(self, claims: Mapping[str, str]) -> bool:
        """Whether a job with these claims (``aud``, ``sub``, ``ref``) gets in."""
        return (
            claims.get("aud") == AUDIENCE
            and claims.get("sub") in self.subjects
            and (not self.refs or claims.get("ref") in self.refs)
        )


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


def asked(role: Principal, jobs: Jobs) -> Iterator[Decision]:
    """Each job that gets in, and its twins that do not, one claim away."""
    ref = jobs.refs[0] if jobs.refs else "refs/heads/main"
    for subject in jobs.subjects:
        mine = {"aud": AUDIENCE, "sub": subject, "ref": ref}
        repository, _, context = subject.removeprefix("repo:").partition(":")
        yield _decision(role, jobs, mine, expected=True)
        for twin in (
            {"sub": f"repo:{repository}-fork:{context}"},
            {"sub": f"repo:{repository}:environment:somewhere-else"},
            {"sub": f"repo:{repository}:ref:refs/heads/somewhere-else"},
            {"sub": f"repo:{repository}:*"},
            {"aud": "https://github.com/somebody-else"},
            *([{"ref": "refs/heads/somewhere-else"}] if jobs.refs else []),
        ):
            yield _decision(role, jobs, {**mine, **twin}, expected=False)


def _decision(
    role: Principal, jobs: Jobs, claims: Mapping[str, str], *, expected: bool
) -> Decision:
    return Decision(
        who=jobs.provider,
        action=ASSUME_WITH_TOKEN,
        resource=role.arn,
        context=tuple((f"{jobs.issuer}:{claim}", value) for claim, value in claims.items()),
        expected=expected,
        allowed=jobs.admit(claims),
    )
