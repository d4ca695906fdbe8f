"""Who the pipeline is in each account: by the job's own token, or by credentials at hand."""

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from pipeline.errors import PipelineError
from pipeline.github import is_a_job_with_a_token, job_token
from pipeline.roles import pipeline_role_arn
from pipeline.trust import explanation
from review.templates.cloud_assembly import Assembly, Stack
from review.templates.stack_names import PIPELINE_STACK

_AUDIENCE = "sts.amazonaws.com"
_KEYS = {
    "AccessKeyId": "AWS_ACCESS_KEY_ID",
    "SecretAccessKey": "AWS_SECRET_ACCESS_KEY",
    "SessionToken": "AWS_SESSION_TOKEN",
}
_ACCOUNT = "AWS_ACCOUNT_ID"


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """Credentials in one account, for clients and for commands."""

    account: str
    environment: Mapping[str, str]
    """Variables that give them to a command."""
    are_of_another: bool = False
    """Whether they are of another account, whose roles trust it: they do nothing by themselves."""

    def client(
        self, service: str, region: str, *, role: str = "", is_role_needed: bool = False
    ) -> Any:
        """A client of an AWS service, as the role of this ARN where one is named and may be
        assumed, else by these credentials: so does the CDK CLI, for an administrator. Where the
        role is needed, PipelineError in place of a client by these credentials."""
        keys = _spelled(self.environment)
        if not role and self.are_of_another:
            raise PipelineError(f"the credentials at hand are not of account {self.account}")
        if role:
            sts = boto3.client("sts", region_name=region, **keys)
            is_needed = is_role_needed or self.are_of_another
            is_left = () if is_needed else (sts.exceptions.ClientError,)
            with asking(f"to be {role}"), contextlib.suppress(*is_left):
                answer = sts.assume_role(RoleArn=role, RoleSessionName="pipeline")
                keys = _spelled(_environment(answer["Credentials"]))
        return boto3.client(service, region_name=region, **keys)


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A stack with the place it goes to, and credentials there."""

    stack: Stack
    region: str
    credentials: Credentials

    def __str__(self) -> str:
        return f"{self.stack.name} in {self.region} of {self.credentials.account}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which a command works on it."""
        return {**self.credentials.environment, "AWS_REGION": self.region}

    def filled(self, text: str) -> str:
        """A string of the assembly with account, Region and partition filled in."""
        values = {
            "Partition": _partition(self.region),
            "AccountId": self.credentials.account,
            "Region": self.region,
        }
        for name, value in values.items():
            text = text.replace(f"${{AWS::{name}}}", value)
        return text

    def client(self, service: str, *, role: str = "", is_role_needed: bool = False) -> Any:
        """A client, as a role whose ARN the assembly gives where one is named."""
        return self.credentials.client(
            service, self.region, role=self.filled(role), is_role_needed=is_role_needed
        )

    def status(self, cloudformation: Any) -> str | None:
        """CloudFormation's word for the stack's state; None where it does not stand."""
        found = self.standing(cloudformation)
        return str(found["StackStatus"]) if found else None

    def standing(self, cloudformation: Any) -> Mapping[str, Any] | None:
        """What CloudFormation says of the stack; None where it does not stand."""
        try:
            with asking(f"about {self}"):
                (found,) = cloudformation.describe_stacks(StackName=self.stack.name)["Stacks"]
        except PipelineError as error:
            if "does not exist" in str(error):
                return None
            raise
        return dict(found)

    def is_as_deployed(self, cloudformation: Any) -> bool:
        """Whether the template that stands is the assembly's."""
        return self.deployed_template(cloudformation) == self.stack.template

    def deployed_template(self, cloudformation: Any) -> Mapping[str, Any]:
        """The template that stands; empty for one of YAML, which no assembly deploys."""
        with asking(f"for the template of {self}"):
            body = cloudformation.get_template(StackName=self.stack.name, TemplateStage="Original")[
                "TemplateBody"
            ]
        try:
            return dict(json.loads(body) if isinstance(body, str) else body)
        except ValueError:
            return {}


def targets(
    assembly: Assembly, stacks: Iterable[Stack], *, role: str, are_trusted_elsewhere: bool = False
) -> Iterator[Target]:
    """Each of these stacks of an assembly with its place and credentials: a session of the role of
    this name for the job of GitHub Actions that this is, else the credentials at hand; those of
    another account where the roles that deploy may trust it (``cdk bootstrap --trust``).

    PipelineError where there are none, or those of another account that may not.
    """
    known: dict[str | None, Credentials] = {}
    at_hand: list[Credentials] = []
    for stack in stacks:
        region = region_of(stack)
        if stack.account not in known:
            if is_a_job_with_a_token():
                account = stack.account or account_of_environment()
                found = _of_job(account, region, role, assembly)
            else:
                at_hand = at_hand or [credentials_at_hand(region)]
                found = _of_account(at_hand[0], stack.account, are_trusted_elsewhere)
            known[stack.account] = found
        yield Target(stack=stack, region=region, credentials=known[stack.account])


def _of_account(
    found: Credentials, account: str | None, are_trusted_elsewhere: bool
) -> Credentials:
    """Credentials at hand for an account; PipelineError where they are of another one."""
    if account in (None, found.account):
        return found
    if are_trusted_elsewhere:
        return replace(found, account=str(account), are_of_another=True)
    raise PipelineError(
        f"the credentials are of account {found.account}; the stacks go to {account} "
        f"(deployments.py)"
    )


def region_of(stack: Stack) -> str:
    """Where a stack goes; PipelineError where neither it nor the environment names a Region."""
    region = stack.region or next(
        filter(None, map(os.environ.get, ("AWS_REGION", "AWS_DEFAULT_REGION"))), None
    )
    if not region:
        raise PipelineError(
            f"{stack.name} goes to any Region and none is named; set AWS_REGION, or regions in "
            f"deployments.py"
        )
    return region


def can_compare(assembly: Assembly) -> bool:
    """Whether there are credentials to compare with: for a job with a token, once its repository
    names account and Region, and the assembly has roles for it."""
    if is_a_job_with_a_token():
        is_set = account_of_environment() and os.environ.get("AWS_REGION")
        return bool(is_set) and bool(assembly.named(PIPELINE_STACK))
    with asking("for credentials"):
        return boto3.Session().get_credentials() is not None


def account_of_environment() -> str:
    """The account that the environment names, 12 digits; empty where it names none."""
    account = os.environ.get(_ACCOUNT, "")
    if account and not re.fullmatch(r"\d{12}", account, re.ASCII):
        raise PipelineError(f"{_ACCOUNT} is {account!r}, not 12 digits")
    return account


@contextlib.contextmanager
def asking(what: str) -> Iterator[None]:
    """Makes a PipelineError of whatever goes wrong while AWS is asked for something."""
    try:
        yield
    except NoCredentialsError:
        raise PipelineError(
            "there are no AWS credentials; set a profile or the variables of the AWS CLI"
        ) from None
    except (BotoCoreError, ClientError) as error:
        raise PipelineError(f"could not ask AWS {what}: {error}") from None


def credentials_at_hand(region: str) -> Credentials:
    """Those that the AWS CLI would use; PipelineError where there are none."""
    with asking("who this is"):
        caller = boto3.client("sts", region_name=region).get_caller_identity()["Account"]
        found = boto3.Session().get_credentials()
        if found is None:
            raise NoCredentialsError
        keys = found.get_frozen_credentials()
    environment = {
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        **({"AWS_SESSION_TOKEN": keys.token} if keys.token else {}),
    }
    return Credentials(account=caller, environment=environment)


def _of_job(account: str, region: str, role: str, assembly: Assembly) -> Credentials:
    if not account:
        raise PipelineError(
            f"the stacks go to any account and none is named; set the repository's variable "
            f"{_ACCOUNT}, or account in deployments.py"
        )
    arn = pipeline_role_arn(assembly, role, account)
    arn = arn.replace("${AWS::Partition}", _partition(region)).replace("${AWS::AccountId}", account)
    token = job_token(_AUDIENCE)
    try:
        answer = boto3.client("sts", region_name=region).assume_role_with_web_identity(
            RoleArn=arn,
            RoleSessionName=f"run-{os.environ.get('GITHUB_RUN_ID', 'unknown')}",
            WebIdentityToken=token,
        )
    except (BotoCoreError, ClientError) as error:
        raise PipelineError(
            f"{arn} did not let this job in: {error}; {explanation(assembly, role, account, token)}"
        ) from None
    return Credentials(account=account, environment=_environment(answer["Credentials"]))


def _environment(session: Mapping[str, str]) -> dict[str, str]:
    """The variables of a session, as STS answers it."""
    return {name: session[key] for key, name in _KEYS.items()}


def _spelled(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of credentials as boto3's parameters."""
    return {name.lower(): value for name, value in environment.items()}


def _partition(region: str) -> str:
    try:
        partition: str = boto3.Session().get_partition_for_region(region)
    except BotoCoreError:
        raise PipelineError(f"AWS_REGION {region!r} is not a Region of AWS; as us-east-1") from None
    return partition
