"""``sts:AssumeRoleWithWebIdentity``: a role for anyone who holds an issuer's token.

The emulator believes any token; here signature, time and audience are checked, and the role's
trust is asked with the claims that IAM knows.
Source: STS API Reference, AssumeRoleWithWebIdentity; IAM User Guide, Available keys for AWS OIDC
federation.
"""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate_trust_policy
from ministack.core.responses import get_region
from ministack.services import iam, sts

from sandbox.emulator.call import Call, Response
from sandbox.emulator.sts.role_sessions import Credentials, open_session
from sandbox.identity_tokens import InvalidToken, verified_claims

OPERATION = "AssumeRoleWithWebIdentity"
_ACTION = f"sts:{OPERATION}"
_CLAIMS = ("aud", "sub", "amr")
"""Claims that conditions can name, of whatever issuer."""
_GITHUB = "token.actions.githubusercontent.com"
_OF_GITHUB = (
    *("actor", "actor_id", "job_workflow_ref", "repository", "repository_id", "workflow", "ref"),
    *("environment", "enterprise_id"),
)
"""Those that they can name of GitHub's tokens besides."""
_SKEW_SECONDS = 300
_SESSION = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_SECONDS = 3600
"""How long a session lasts by default."""

_folder = Path()


class _Refused(Exception):
    """An error code of STS and its message."""


def configure(folder: str) -> None:
    """Says where the public key of the run's issuers lies."""
    global _folder
    _folder = Path(folder)


def assume_role(call: Call) -> Response:
    """The answer to a call: a session of the role, or why not."""
    role_arn, session, token = (
        call.form.get(name, [""])[0] for name in ("RoleArn", "RoleSessionName", "WebIdentityToken")
    )
    try:
        if not _SESSION.fullmatch(session):
            raise _Refused("ValidationError", f"RoleSessionName {session!r} is not valid")
        claims = _claims(token)
        provider = _provider(role_arn, claims)
        role = _role(role_arn, provider, claims)
    except _Refused as refused:
        code, message = refused.args
        status = 403 if code == "AccessDenied" else 400
        refusal: Response = sts._error(status, code, message, ns="sts")
        return refusal
    return _answer(role, session, provider, claims, open_session(role, session))


def _claims(token: str) -> dict[str, Any]:
    try:
        claims = verified_claims(token, _folder)
    except InvalidToken as error:
        raise _Refused("InvalidIdentityToken", f"The token is not valid: {error}") from None
    now, expires = time.time(), claims.get("exp")
    if not isinstance(expires, int | float) or expires < now:
        raise _Refused("ExpiredTokenException", "Token expired")
    for claim in ("nbf", "iat"):
        if claim in claims and float(str(claims[claim])) > now + _SKEW_SECONDS:
            raise _Refused("InvalidIdentityToken", f"The token is not valid yet ({claim})")
    return claims


def _provider(role_arn: str, claims: Mapping[str, Any]) -> str:
    """The ARN of the account's provider for the token's issuer."""
    scheme, _, issuer = str(claims.get("iss", "")).partition("://")
    if scheme != "https":
        raise _Refused("InvalidIdentityToken", "The issuer is not an https address")
    partition, account = (f"{role_arn}:::::".split(":")[part] for part in (1, 4))
    arn = f"arn:{partition}:iam::{account}:oidc-provider/{issuer}"
    known = iam._oidc_providers.get(arn)
    if known is None:
        raise _Refused(
            "InvalidIdentityToken",
            f"No OpenIDConnect provider found in your account for https://{issuer}",
        )
    if claims.get("aud") not in known["ClientIDList"]:
        raise _Refused("InvalidIdentityToken", "Incorrect token audience")
    return arn


def _role(role_arn: str, provider: str, claims: Mapping[str, Any]) -> Mapping[str, Any]:
    """The role, if its trust lets the holder of the token in."""
    role: Mapping[str, Any] | None = iam._roles.get(role_arn.rsplit("/", 1)[-1])
    issuer = provider.split(":oidc-provider/")[1]
    context = EvalContext(
        principal_arn=provider,
        principal_type="WebIdentityUser",
        principal_account=provider.split(":")[4],
        action=_ACTION,
        resource_arn=role_arn,
        region=get_region(),
        service_context={
            f"{issuer}:{claim}".lower(): claims[claim]
            for claim in (*_CLAIMS, *(_OF_GITHUB if issuer == _GITHUB else ()))
            if claim in claims
        },
    )
    if (
        role is None
        or role["Arn"] != role_arn
        or not evaluate_trust_policy(role["AssumeRolePolicyDocument"], provider, context)
    ):
        raise _Refused("AccessDenied", f"Not authorized to perform {_ACTION}")
    return role


def _answer(
    role: Mapping[str, Any],
    session: str,
    provider: str,
    claims: Mapping[str, Any],
    credentials: Credentials,
) -> Response:
    account = provider.split(":")[4]
    arn = f"arn:aws:sts::{account}:assumed-role/{role['RoleName']}/{session}"
    answer: Response = sts._xml(
        200,
        f"{OPERATION}Response",
        f"<{OPERATION}Result><Credentials>"
        f"<AccessKeyId>{credentials.access_key}</AccessKeyId>"
        f"<SecretAccessKey>{credentials.secret_key}</SecretAccessKey>"
        f"<SessionToken>{credentials.session_token}</SessionToken>"
        f"<Expiration>{sts._future(_SECONDS)}</Expiration></Credentials>"
        f"<AssumedRoleUser><AssumedRoleId>{role['RoleId']}:{session}</AssumedRoleId>"
        f"<Arn>{arn}</Arn></AssumedRoleUser>"
        f"<SubjectFromWebIdentityToken>{claims.get('sub')}</SubjectFromWebIdentityToken>"
        f"<Audience>{claims['aud']}</Audience><Provider>{provider}</Provider>"
        f"</{OPERATION}Result>",
        ns="sts",
    )
    return answer
