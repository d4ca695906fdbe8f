"""What probes make in the account, under names of their own, and what removes all of it again."""

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import boto3
from botocore.exceptions import BotoCoreError, ClientError

_ENDED = ("Success", "Failed", "TimedOut", "Cancelled", "CompletedWithFailure", "Rejected")
Json = dict[str, Any]
SLEEP: Json = {"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}
"""A step that does nothing."""


class Lab:
    """A context that makes things in the account of a session, and removes them at its end, also
    after a failure."""

    def __init__(self, session: boto3.Session, *, wait: float) -> None:
        """``wait`` is the time in seconds after which new keys and roles are known everywhere."""
        self._session = session
        self._wait = wait
        self._undo = ExitStack()
        self.left: list[str] = []
        """What could not be removed, and why."""
        self.prefix = f"Verify{secrets.token_hex(3)}"
        identity = self.client("sts").get_caller_identity()
        self.account = str(identity["Account"])
        self.partition = str(identity["Arn"].split(":")[1])
        self.region = str(session.region_name)
        self._made = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._undo.close()

    def client(self, service: str, keys: Mapping[str, str] | None = None) -> Any:
        """A client of the administrator, or of a user by their keys."""
        given = (
            {
                "aws_access_key_id": keys["AccessKeyId"],
                "aws_secret_access_key": keys["SecretAccessKey"],
            }
            if keys
            else {}
        )
        return self._session.client(service, **given)

    def name(self, what: str) -> str:
        """A name of its own: ``Verify0a1b2c-Role-1``."""
        self._made += 1
        return f"{self.prefix}-{what}-{self._made}"

    def arn(self, service: str, resource: str) -> str:
        """An ARN of this account and Region; of IAM without a Region."""
        region = "" if service == "iam" else self.region
        return f"arn:{self.partition}:{service}:{region}:{self.account}:{resource}"

    def later(self, what: str, undo: Callable[..., Any], **given: Any) -> None:
        """Has something removed at the end; notes it where that fails."""

        def remove() -> None:
            try:
                undo(**given)
            except (BotoCoreError, ClientError) as error:
                self.left.append(f"{what}: {error}")

        self._undo.callback(remove)

    def settle(self) -> None:
        """Waits until what was made in IAM is known everywhere."""
        time.sleep(self._wait)

    def role(
        self,
        statements: Sequence[Json],
        service: str = "ssm.amazonaws.com",
        conditions: Json | None = None,
    ) -> str:
        """The ARN of a role that a service assumes, under the conditions of a statement."""
        iam, name = self.client("iam"), self.name("Role")
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        trust |= {"Condition": conditions} if conditions else {}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))
        self.later(f"role {name}", iam.delete_role, RoleName=name)
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="Own", PolicyDocument=policy(*statements))
            self.later(f"policy of {name}", iam.delete_role_policy, RoleName=name, PolicyName="Own")
        self.settle()
        return self.arn("iam", f"role/{name}")

    def user(self, *statements: Json) -> Mapping[str, str]:
        """The keys of a user with these statements, with their ``UserId``."""
        iam, name = self.client("iam"), self.name("User")
        made = iam.create_user(UserName=name)["User"]
        self.later(f"user {name}", iam.delete_user, UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="Own", PolicyDocument=policy(*statements))
        self.later(f"policy of {name}", iam.delete_user_policy, UserName=name, PolicyName="Own")
        keys = iam.create_access_key(UserName=name)["AccessKey"]
        self.later(
            f"key of {name}", iam.delete_access_key, UserName=name, AccessKeyId=keys["AccessKeyId"]
        )
        self.settle()
        return {**keys, "UserId": made["UserId"]}

    def queue(self) -> tuple[str, str]:
        """The URL and the ARN of a queue."""
        sqs, name = self.client("sqs"), self.name("Queue")
        url = str(sqs.create_queue(QueueName=name)["QueueUrl"])
        self.later(f"queue {url}", sqs.delete_queue, QueueUrl=url)
        return url, self.arn("sqs", name)

    def receives(self, queue: str, *, seconds: float) -> bool:
        """Whether something comes into the queue of this URL in that time."""
        sqs = self.client("sqs")

        def messages() -> Any:
            return sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages")

        return bool(self.until(messages, seconds=seconds))

    def document(self, *steps: Json, **content: Any) -> str:
        """The name of a runbook of these steps."""
        ssm, name = self.client("ssm"), self.name("Runbook")
        whole = {"schemaVersion": "0.3", "mainSteps": [*steps], **content}
        ssm.create_document(Name=name, DocumentType="Automation", Content=json.dumps(whole))
        self.later(f"document {name}", ssm.delete_document, Name=name)
        return name

    def execute(self, document: str, keys: Mapping[str, str] | None = None, **given: Any) -> Json:
        """An execution that has ended."""
        ssm = self.client("ssm", keys)
        id_ = ssm.start_automation_execution(DocumentName=document, **given)
        return self.ended(id_["AutomationExecutionId"])

    def ended(self, id_: str) -> Json:
        """An execution, once it has ended."""
        ssm = self.client("ssm")

        def found() -> Json | None:
            execution: Json = ssm.get_automation_execution(AutomationExecutionId=id_)[
                "AutomationExecution"
            ]
            return execution if execution["AutomationExecutionStatus"] in _ENDED else None

        return self.until(found, seconds=300) or {}

    def until(self, ask: Callable[[], Any], *, seconds: float) -> Any:
        """The first answer that is something; None after that time."""
        deadline = time.monotonic() + seconds
        while not (answer := ask()):
            if time.monotonic() > deadline:
                return None
            time.sleep(min(self._wait, 5) or 0.1)
        return answer


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> Json:
    """A statement."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def policy(*statements: Json) -> str:
    """A policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def outcome(call: Callable[[], Any]) -> str:
    """``allowed``, or the code with which AWS refused."""
    try:
        call()
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        is_denied = "AccessDenied" in code or code == "UnauthorizedOperation"
        return "denied" if is_denied else f"refused: {code}"
    return "allowed"
