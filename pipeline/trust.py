"""Why AWS did not let a job of GitHub Actions in: what its token says, and what is trusted."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from pipeline.roles import pipeline_role
from review.templates.cloud_assembly import Assembly

_ISSUER = "token.actions.githubusercontent.com"
_SUBJECT = re.compile(r"repo:(?P<owner>[^/:]+)/(?P<name>[^:]+):(?P<context>.+)")
_ID = re.compile(r"@\d+")


def explanation(assembly: Assembly, role: str, account: str, token: str) -> str:
    """What the token presents, what a role of the assembly's PipelineStack in an account trusts,
    and how to bring them together."""
    claims, trusted = _claims(token), _trusted(pipeline_role(assembly, role, account))
    subject = str(claims.get("sub", ""))
    if not subject or not trusted.get("sub"):
        return "PipelineStack names the repositories, branches and environments (deployments.py)"
    lines = [f"the job's token presents {subject}", f"{role} trusts {' or '.join(trusted['sub'])}"]
    if subject not in trusted["sub"]:
        lines.append(_difference(subject, trusted["sub"]))
    elif trusted.get("ref") and claims.get("ref") not in trusted["ref"]:
        lines.append(
            f"the job runs on {claims.get('ref')}, trusted is {' or '.join(trusted['ref'])}: run "
            f"it on one of these branches, or name its branch in branches (deployments.py)"
        )
    else:
        lines.append("they agree: deploy PipelineStack, whose trust in the account may be older")
    return "; ".join(lines)


def _difference(subject: str, trusted: list[str]) -> str:
    """How a subject differs from those that are trusted, and the fix."""
    match = _SUBJECT.fullmatch(subject)
    if match is None:
        return (
            "the subject is customised, and AWS compares it as a whole: set the repository's "
            "subject back to GitHub's default (gh api -X PUT "
            "repos/OWNER/NAME/actions/oidc/customization/sub -F use_default=true)"
        )
    repository, context = f"{match['owner']}/{match['name']}", match["context"]
    known = {found.group("context") for each in trusted if (found := _SUBJECT.fullmatch(each))}
    if subject.lower() in {each.lower() for each in trusted}:
        return f"they differ in letter case: {_name_it(repository)}"
    if _ID.sub("", subject.lower()) in {_ID.sub("", each.lower()) for each in trusted}:
        return f"they differ in GitHub's ids: {_name_it(repository)}"
    customised = next((each for each in known if context.startswith(f"{each}:")), "")
    if customised:
        return (
            f"the subject is customised: it goes on after {customised!r}, and AWS compares it as a "
            f"whole; set the repository's subject back to GitHub's default (gh api -X PUT "
            f"repos/{_ID.sub('', repository)}/actions/oidc/customization/sub -F use_default=true)"
        )
    if context in known:
        return f"{repository} is another repository; if it is yours, {_name_it(repository)}"
    if context.startswith("ref:refs/tags/"):
        return "a tag is never trusted, as anyone who can push can set one: deploy from a branch"
    if context.startswith("ref:refs/heads/gh-readonly-queue/"):
        return (
            "a merge queue's branch is never trusted: review there without AWS, as review.yml does "
            "(AWS_ACCOUNT_ID empty), and deploy after the merge"
        )
    kind = "environment" if context.startswith("environment:") else "branch or event"
    return (
        f"the {kind} is another one: change it in the workflow, or name it in deployments.py "
        f"(branches, administration_environment, runbooks_environment)"
    )


def _name_it(repository: str) -> str:
    return f'write repositories=("{repository}",) (deployments.py), and deploy PipelineStack'


def _claims(token: str) -> Mapping[str, Any]:
    """What a token says, unverified; nothing where it is none."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _trusted(properties: Mapping[str, Any]) -> dict[str, list[str]]:
    """The subjects and refs that a role's trust compares a token with."""
    if not properties:
        return {}
    (statement,) = properties["AssumeRolePolicyDocument"]["Statement"]
    compared = statement["Condition"]["StringEquals"]
    return {claim: list(compared.get(f"{_ISSUER}:{claim}", ())) for claim in ("sub", "ref")}
