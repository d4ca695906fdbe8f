"""Who the pipeline is in each account: by the job's own token, or by credentials at hand."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from pipeline.assembly import Stack
from pipeline.errors import PipelineError
from pipeline.github import is_a_job_with_a_token, job_token

_AUDIENCE = "sts.amazonaws.com"
_KEYS = {
    "AccessKeyId": "AWS_ACCESS_KEY_ID",
    "SecretAccessKey": "AWS_SECRET_ACCESS_KEY",
    "SessionToken": "AWS_SESSION_TOKEN",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """Credentials in one account, for clients and for commands."""

    account: str
    environment: Mapping[str, str]
    """Variables that give the credentials to a command; empty where it has them already."""

    def client(self, service: str, region: str, *, role: str = "") -> Any:
        """A client of an AWS service, as the role of this ARN where one is named."""
        keys = _spelled(self.environment)
        if role:
            sts = boto3.client("sts", region_name=region, **keys)
            try:
                assumed = sts.assume_role(RoleArn=role, RoleSessionName="pipeline")["Credentials"]
            except (BotoCoreError, ClientError) as error:
                raise PipelineError(f"{role} could not be assumed: {error}") from None
            keys = _spelled({name: assumed[key] for key, name in _KEYS.items()})
        return boto3.client(service, region_name=region, **keys)


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A stack with the place it goes to, and credentials there."""

    stack: Stack
    region: str
    access: Access

    @property
    def shown(self) -> str:
        """How messages call it."""
        return f"{self.stack.name} in {self.region} of {self.access.account}"

    def filled(self, text: str) -> str:
        """A text of the assembly with account, Region and partition filled in."""
        values = {
            "Partition": _partition(self.region),
            "AccountId": self.access.account,
            "Region": self.region,
        }
        for name, value in values.items():
            text = text.replace(f"${{AWS::{name}}}", value)
        return text

    def client(self, service: str) -> Any:
        """A client as the role that deploys the stack."""
        role = self.filled(self.stack.deployment_role)
        return self.access.client(service, self.region, role=role)


def targets(stacks: Iterable[Stack], *, role: str) -> Iterator[Target]:
    """Each stack with its place and credentials: a session of the role of this name for the job of
    GitHub Actions that this is, else the credentials at hand.

    PipelineError where there are none, or those of another account.
    """
    known: dict[str | None, Access] = {}
    for stack in stacks:
        region = (
            stack.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        )
        if not region:
            raise PipelineError(
                f"{stack.name} goes to any Region and none is named; set AWS_REGION, or regions in "
                f"deployments.py"
            )
        if stack.account not in known:
            known[stack.account] = _access(stack.account, region, role)
        yield Target(stack=stack, region=region, access=known[stack.account])


def has_credentials(stacks: Iterable[Stack]) -> bool:
    """Whether there are any credentials, or a token and the accounts to get some with it."""
    if is_a_job_with_a_token():
        return bool(os.environ.get("AWS_ACCOUNT_ID")) or all(stack.account for stack in stacks)
    return boto3.Session().get_credentials() is not None


def _access(account: str | None, region: str, role: str) -> Access:
    if is_a_job_with_a_token():
        return _access_of_job(account or os.environ.get("AWS_ACCOUNT_ID", ""), region, role)
    try:
        caller = boto3.client("sts", region_name=region).get_caller_identity()["Account"]
    except NoCredentialsError:
        raise PipelineError(
            "there are no AWS credentials; set a profile or the variables of the AWS CLI"
        ) from None
    except (BotoCoreError, ClientError) as error:
        raise PipelineError(f"the AWS credentials do not work: {error}") from None
    if account not in (None, caller):
        raise PipelineError(
            f"the credentials are of account {caller}; the stacks go to {account} (deployments.py)"
        )
    return Access(account=caller, environment={})


def _access_of_job(account: str, region: str, role: str) -> Access:
    if not account:
        raise PipelineError(
            "the stacks go to any account and none is named; set the repository's variable "
            "AWS_ACCOUNT_ID, or account in deployments.py"
        )
    arn = f"arn:{_partition(region)}:iam::{account}:role/{role}"
    try:
        session = boto3.client("sts", region_name=region).assume_role_with_web_identity(
            RoleArn=arn,
            RoleSessionName=f"run-{os.environ.get('GITHUB_RUN_ID', 'unknown')}",
            WebIdentityToken=job_token(_AUDIENCE),
        )["Credentials"]
    except (BotoCoreError, ClientError) as error:
        raise PipelineError(
            f"{arn} did not let this job in: {error}; PipelineStack names the repositories, "
            f"branches and environments (deployments.py)"
        ) from None
    return Access(account=account, environment={name: session[key] for key, name in _KEYS.items()})


def _spelled(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of credentials as boto3's parameters."""
    return {name.lower(): value for name, value in environment.items()}


def _partition(region: str) -> str:
    partition: str = boto3.Session().get_partition_for_region(region)
    return partition
