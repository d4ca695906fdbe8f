"""What the author must not be able to do, by themselves and by the roles that they may assume."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rehearsal.operator import RUNBOOK

AUTHOR = "RunbookAuthor"
DEPLOYMENT_ROLE, PUBLISHING_ROLE = "AuthorDeploymentRole", "AuthorPublishingRole"
EXECUTION_ROLE = "AuthorExecutionRole"
_WITH_A_USER = {"Resources": {"Helper": {"Type": "AWS::IAM::User"}}}
_EMPTY = {"Resources": {"Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}

Keys = dict[str, str]
Client = Callable[[str, Keys], Any]


def session_of(client: Client, keys: Keys, role: str) -> Keys:
    """A session of one of the author's roles."""
    sts = client("sts", keys)
    account = sts.get_caller_identity()["Account"]
    answer = sts.assume_role(RoleArn=_role(account, role), RoleSessionName=AUTHOR)
    credentials: Keys = answer["Credentials"]
    return credentials


def author_attempts(client: Client, keys: Keys, assembly: Path) -> dict[str, Callable[[], Any]]:
    """What the author must be denied, by what they try."""
    account = client("sts", keys).get_caller_identity()["Account"]
    deployment = session_of(client, keys, DEPLOYMENT_ROLE)
    publishing = session_of(client, keys, PUBLISHING_ROLE)
    region = client("s3", keys).meta.region_name
    bucket, key = _administrators_template(assembly, account, region)
    bootstrap = _role(account, f"cdk-hnb659fds-cfn-exec-role-{account}-{region}")

    def change(stack: str, **more: Any) -> Any:
        return client("cloudformation", deployment).create_change_set(
            StackName=stack, ChangeSetName="attempt", TemplateBody=json.dumps(_EMPTY), **more
        )

    return {
        "make an IAM user": lambda: client("iam", keys).create_user(UserName="Helper"),
        "describe instances": client("ec2", keys).describe_instances,
        "start the runbook": lambda: client("ssm", keys).start_automation_execution(
            DocumentName=RUNBOOK
        ),
        "start the runbook, as the deployment role": lambda: client(
            "ssm", deployment
        ).start_automation_execution(DocumentName=RUNBOOK),
        "assume the service role": lambda: client("sts", keys).assume_role(
            RoleArn=_role(account, "AutomationServiceRole"), RoleSessionName=AUTHOR
        ),
        "change AdministrationStack": lambda: change(
            "AdministrationStack", RoleARN=_role(account, EXECUTION_ROLE)
        ),
        "deploy as the administrator of cdk bootstrap": lambda: change(
            "RunbooksStack", RoleARN=bootstrap
        ),
        "deploy as anyone who deployed last": lambda: change("RunbooksStack"),
        "replace the administrator's template": lambda: client("s3", publishing).put_object(
            Bucket=bucket, Key=key, Body=b"{}"
        ),
    }


def deploy_a_user(client: Client, keys: Keys) -> str:
    """Has RunbooksStack make an IAM user, and shows why CloudFormation did not."""
    cloudformation = client("cloudformation", session_of(client, keys, DEPLOYMENT_ROLE))
    account = client("sts", keys).get_caller_identity()["Account"]
    cloudformation.create_change_set(
        StackName="RunbooksStack",
        ChangeSetName="user",
        TemplateBody=json.dumps(_WITH_A_USER),
        Capabilities=["CAPABILITY_IAM"],
        RoleARN=_role(account, EXECUTION_ROLE),
    )
    given = {"StackName": "RunbooksStack", "ChangeSetName": "user"}
    quickly = {"Delay": 1, "MaxAttempts": 30}
    cloudformation.get_waiter("change_set_create_complete").wait(**given, WaiterConfig=quickly)
    cloudformation.execute_change_set(**given)
    cloudformation.get_waiter("stack_rollback_complete").wait(
        StackName="RunbooksStack", WaiterConfig=quickly
    )
    events = cloudformation.describe_stack_events(StackName="RunbooksStack")["StackEvents"]
    reasons = [
        event.get("ResourceStatusReason", "")
        for event in events
        if event["LogicalResourceId"] == "Helper" and event["ResourceStatus"].endswith("_FAILED")
    ]
    return str(reasons[0]) if reasons else "made"


def _role(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def _administrators_template(assembly: Path, account: str, region: str) -> tuple[str, str]:
    """Bucket and key of AdministrationStack's template."""
    artifacts = json.loads((assembly / "manifest.json").read_text("utf-8"))["artifacts"]
    url = artifacts["AdministrationStack"]["properties"]["stackTemplateAssetObjectUrl"]
    place = url.removeprefix("s3://").replace("${AWS::AccountId}", account)
    bucket, key = place.replace("${AWS::Region}", region).split("/", 1)
    return bucket, key
