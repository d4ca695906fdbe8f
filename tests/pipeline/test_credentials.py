"""Whose credentials a pipeline takes, and what it says where they do not serve."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import pytest

from pipeline.credentials import can_compare, targets
from pipeline.errors import PipelineError
from review.templates.cloud_assembly import Assembly, Stack
from sandbox import Sandbox

pytestmark = pytest.mark.sandbox

_STACK = Stack(
    id="RunbooksStack",
    name="RunbooksStack",
    account=None,
    region=None,
    template={},
    deployment_role="arn:${AWS::Partition}:iam::${AWS::AccountId}:role/AuthorDeploymentRole",
    execution_role="",
    publishing_role="",
    bucket="cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}",
    asset="",
    digest="",
    tags={},
    wave=1,
    manifest={},
)
_NOWHERE = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
_TOKEN = {"ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:1/token"}


@pytest.fixture
def environment(sandbox: Sandbox) -> Iterator[dict[str, str]]:
    """The variables of an account, to be changed by the test."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "ACTIONS_"))}
    with (
        patch.dict(os.environ, kept | sandbox.environment(), clear=True),
        patch.object(boto3, "DEFAULT_SESSION", None),  # which keeps credentials
    ):
        yield sandbox.environment()


def _refusal(stack: Stack = _STACK) -> str:
    with pytest.raises(PipelineError) as caught:
        list(targets(_of([stack]), [stack], role="PipelineReviewRole"))
    return str(caught.value)


def test_credentials_at_hand_are_taken(environment: dict[str, str]) -> None:
    (target,) = targets(_of([_STACK]), [_STACK], role="PipelineReviewRole")

    assert str(target) == "RunbooksStack in us-east-1 of 000000000000"
    assert target.environment["AWS_ACCESS_KEY_ID"] == environment["AWS_ACCESS_KEY_ID"]
    assert target.filled(_STACK.bucket) == "cdk-hnb659fds-assets-000000000000-us-east-1"
    assert target.status(target.client("cloudformation")) is None


def test_region_that_is_not_named_is_asked_for(environment: dict[str, str]) -> None:
    del os.environ["AWS_REGION"], os.environ["AWS_DEFAULT_REGION"]

    assert _refusal() == (
        "RunbooksStack goes to any Region and none is named; set AWS_REGION, or regions in "
        "deployments.py"
    )


def test_credentials_of_another_account_are_refused(environment: dict[str, str]) -> None:
    assert _refusal(replace(_STACK, account="111122223333")) == (
        "the credentials are of account 000000000000; the stacks go to 111122223333 "
        "(deployments.py)"
    )


def test_no_credentials_are_reported(environment: dict[str, str]) -> None:
    os.environ.update(_NOWHERE)
    del os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]

    assert _refusal() == (
        "there are no AWS credentials; set a profile or the variables of the AWS CLI"
    )


def test_credentials_that_do_not_work_are_reported(environment: dict[str, str]) -> None:
    os.environ["AWS_ACCESS_KEY_ID"] = "AKIANOBODY0000000000"

    assert _refusal().startswith("could not ask AWS who this is: An error occurred (")


def test_profile_that_is_not_there_is_reported(environment: dict[str, str]) -> None:
    os.environ["AWS_PROFILE"] = "nobody"

    with pytest.raises(PipelineError) as caught:
        can_compare(_of([]))

    assert str(caught.value) == (
        "could not ask AWS for credentials: The config profile (nobody) could not be found"
    )


def test_region_that_aws_does_not_have_is_reported(environment: dict[str, str]) -> None:
    (target,) = targets(_of([_STACK]), [_STACK], role="PipelineReviewRole")

    tomorrows = replace(target, region="us-nowhere-1")  # of a form that AWS may yet have
    assert tomorrows.filled("${AWS::Region}") == "us-nowhere-1"
    os.environ.update(_TOKEN, AWS_ACCOUNT_ID="000000000000", AWS_REGION="nowhere")
    assert _refusal() == "AWS_REGION 'nowhere' is not a Region of AWS; as us-east-1"


def test_job_without_an_account_is_reported(environment: dict[str, str]) -> None:
    os.environ.update(_TOKEN)

    assert _refusal() == (
        "the stacks go to any account and none is named; set the repository's variable "
        "AWS_ACCOUNT_ID, or account in deployments.py"
    )


def test_account_that_is_none_is_reported(environment: dict[str, str]) -> None:
    os.environ.update(_TOKEN, AWS_ACCOUNT_ID="1111-2222-3333")

    assert _refusal() == "AWS_ACCOUNT_ID is '1111-2222-3333', not 12 digits"


def test_job_whose_token_does_not_come_is_reported(environment: dict[str, str]) -> None:
    os.environ.update(_TOKEN, AWS_ACCOUNT_ID="000000000000")

    assert _refusal().startswith("GitHub did not answer GET http://127.0.0.1:1/token: ")


def _of(stacks: list[Stack]) -> Assembly:
    found: Any = object.__new__(Assembly)
    found.folder, found.stacks = Path(), tuple(stacks)
    assembly: Assembly = found
    return assembly


@pytest.mark.parametrize(
    ("variables", "stacks", "can"),
    [
        ({}, [], True),
        (_TOKEN, [replace(_STACK, name="PipelineStack")], False),
        ({**_TOKEN, "AWS_ACCOUNT_ID": "000000000000"}, [], False),
        (
            {**_TOKEN, "AWS_ACCOUNT_ID": "000000000000"},
            [replace(_STACK, name="PipelineStack")],
            True,
        ),
    ],
    ids=["workstation", "no account", "no roles for it", "job"],
)
def test_job_compares_once_it_can(
    environment: dict[str, str], variables: dict[str, str], stacks: list[Stack], can: bool
) -> None:
    os.environ.update(variables)

    assert can == can_compare(_of(stacks))
