"""Roles for holders of an issuer's token: who gets in, and who does not."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox import Sandbox
from sandbox.sandbox import ACCOUNT

pytestmark = pytest.mark.sandbox

_ISSUER = "token.actions.githubusercontent.com"
_PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{_ISSUER}"
_CLAIMS = {
    "iss": f"https://{_ISSUER}",
    "aud": "sts.amazonaws.com",
    "sub": "repo:octo-org/runbooks:environment:runbooks",
    "ref": "refs/heads/main",
}

Assume = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module", autouse=True)
def _provider(sandbox: Sandbox) -> None:
    template = {
        "Resources": {
            "GitHub": {
                "Type": "AWS::IAM::OIDCProvider",
                "Properties": {"Url": f"https://{_ISSUER}", "ClientIdList": ["sts.amazonaws.com"]},
            }
        },
        "Outputs": {"Arn": {"Value": {"Ref": "GitHub"}}},
    }
    cloudformation = sandbox.client("cloudformation")
    cloudformation.create_stack(StackName="Provider", TemplateBody=json.dumps(template))
    (stack,) = cloudformation.describe_stacks(StackName="Provider")["Stacks"]
    assert stack["Outputs"][0]["OutputValue"] == _PROVIDER


@pytest.fixture
def assume(sandbox: Sandbox, unique: str) -> Assume:
    """Assumes a role that trusts the job of the claims above, with a token."""
    name = f"Role-{unique}"
    conditions = {f"{_ISSUER}:{claim}": _CLAIMS[claim] for claim in ("aud", "sub", "ref")}
    trust = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Federated": _PROVIDER},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": conditions},
        },
    }
    role = sandbox.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps(trust)
    )["Role"]["Arn"]

    def assumed(token: str) -> dict[str, Any]:
        answer: dict[str, Any] = sandbox.client("sts").assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="job", WebIdentityToken=token
        )
        return answer

    return assumed


def test_job_that_the_trust_names_acts_as_the_role(sandbox: Sandbox, assume: Assume) -> None:
    answer = assume(sandbox.identity_token(_CLAIMS))

    caller = sandbox.client("sts", answer["Credentials"]).get_caller_identity()["Arn"]

    assert caller == answer["AssumedRoleUser"]["Arn"]
    assert caller.endswith("/job")
    assert answer["SubjectFromWebIdentityToken"] == _CLAIMS["sub"]


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"sub": "repo:octo-org/runbooks:environment:administration"}, "AccessDenied"),
        ({"sub": "repo:octo-org/runbooks-fork:environment:runbooks"}, "AccessDenied"),
        ({"ref": "refs/heads/feature"}, "AccessDenied"),
        ({"ref": None}, "AccessDenied"),
        ({"aud": "https://github.com/octo-org"}, "InvalidIdentityToken"),
        ({"iss": "https://gitlab.com"}, "InvalidIdentityToken"),
        ({"iss": _ISSUER}, "InvalidIdentityToken"),
        ({"nbf": int(time.time()) + 3600}, "InvalidIdentityToken"),
        ({"exp": int(time.time()) - 1}, "ExpiredTokenException"),
    ],
)
def test_any_other_job_is_refused(
    sandbox: Sandbox, assume: Assume, claims: dict[str, Any], code: str
) -> None:
    reported = {key: value for key, value in {**_CLAIMS, **claims}.items() if value is not None}

    with pytest.raises(ClientError) as caught:
        assume(sandbox.identity_token(reported))

    assert caught.value.response["Error"]["Code"] == code


@pytest.mark.parametrize("forge", ["claims", "algorithm", "nothing"])
def test_forged_token_is_refused(sandbox: Sandbox, assume: Assume, forge: str) -> None:
    header, claims, signature = sandbox.identity_token(_CLAIMS).split(".")
    other = sandbox.identity_token({**_CLAIMS, "sub": "x"}).split(".")[1]
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    token = {
        "claims": f"{header}.{other}.{signature}",
        "algorithm": f"{unsigned}.{claims}.",
        "nothing": "none",
    }[forge]

    with pytest.raises(ClientError) as caught:
        assume(token)

    assert caught.value.response["Error"]["Code"] == "InvalidIdentityToken"


def test_token_stands_in_no_event(sandbox: Sandbox, assume: Assume) -> None:
    token = sandbox.identity_token(_CLAIMS)
    assume(token)

    events = sandbox.client("cloudtrail").lookup_events()["Events"]

    assumed = [e for e in events if e["EventName"] == "AssumeRoleWithWebIdentity"]
    assert assumed
    assert all(token not in event["CloudTrailEvent"] for event in assumed)


def test_change_set_of_another_stack_is_judged_on_that_stack(
    sandbox: Sandbox, user: Callable[..., dict[str, str]]
) -> None:
    root = sandbox.client("cloudformation")
    body = json.dumps({"Resources": {"T": {"Type": "AWS::SNS::Topic"}}})
    for stack in ("own", "other"):
        root.create_change_set(
            StackName=stack, ChangeSetName="change", ChangeSetType="CREATE", TemplateBody=body
        )
    foreign = root.describe_change_set(StackName="other", ChangeSetName="change")["ChangeSetId"]
    keys = user(
        {
            "Effect": "Allow",
            "Action": "cloudformation:*",
            "Resource": f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/own/*",
        }
    )

    with pytest.raises(ClientError) as caught:
        sandbox.client("cloudformation", keys).execute_change_set(
            StackName="own", ChangeSetName=foreign
        )

    assert caught.value.response["Error"]["Code"] == "AccessDenied"
