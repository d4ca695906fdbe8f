"""The AWS call that asks an account for one decision, as the person themselves."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from review.access.evaluation import Decision

Client = Callable[..., Any]
"""A boto3 client of a service, in a Region, as the person who asks."""
Context = Mapping[str, str]

_DENIALS = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
_TEMPLATE = json.dumps(
    {"Resources": {"Wait": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}
)
_CONTENT = json.dumps(
    {
        "schemaVersion": "0.3",
        "mainSteps": [{"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}],
    }
)


def is_allowed(call: Callable[[], Any]) -> bool:
    """Whether a call passes authorization; what it says of its input does not matter."""
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"] not in _DENIALS
    return True


def call_of(decision: Decision, client: Client) -> Callable[[], Any]:
    """The call that asks for a decision."""
    region = decision.resource.split(":")[3] if ":" in decision.resource else ""
    service = decision.action.split(":")[0]
    asking = client(service, region or "us-east-1")
    return lambda: _CALLS[decision.action](asking, decision.resource, dict(decision.context))


def passes_role(decision: Decision, client: Client) -> Callable[[], Any] | None:
    """The call by which a role is passed to a service; None where no service here takes one."""
    role, service = decision.resource, dict(decision.context).get("iam:PassedToService")
    if service == "ssm.amazonaws.com":
        content = json.dumps({**json.loads(_CONTENT), "assumeRole": role})
        return lambda: client("ssm", "us-east-1").create_document(
            Name="Restart-EC2InstanceDemo", DocumentType="Automation", Content=content
        )
    if service == "cloudformation.amazonaws.com":
        return lambda: client("cloudformation", "us-east-1").create_change_set(
            StackName="RunbooksStack",
            ChangeSetName="asked-for",
            TemplateBody=_TEMPLATE,
            RoleARN=role,
        )
    return None


def why_not_askable(decision: Decision) -> str | None:
    """Why no call of AWS asks for a decision; None for one that can be asked."""
    action, resource = decision.action, decision.resource
    if "aws:CalledVia" in dict(decision.context):
        return "an execution without a role asks, not a call"
    if not decision.who.startswith("arn:"):
        return "a service assumes a role by itself, for what it does, not when asked"
    if ":999999999999:" in f"{decision.who} {resource}" and ":document/" not in resource:
        return "the call names an id, never the account that it is in"
    if ":automation-definition/" in resource:
        return "a start is authorized on its document's definition together with the document"
    if action == "ssm:StartAutomationExecution" and ":automation-execution/" in resource:
        return "a start is authorized on its execution together with the document"
    if action == "iam:ChangePassword" and decision.who != resource:
        return "the call is about the own password and names no user"
    return None


def _name(resource: str) -> str:
    return resource.rsplit("/", 1)[-1]


def _document(resource: str) -> str:
    """A document by its name; one of another account by its ARN."""
    return resource if ":999999999999:" in resource else _name(resource)


def _bucket_and_key(resource: str) -> dict[str, str]:
    bucket, _, key = resource.split(":::")[1].partition("/")
    return {"Bucket": bucket, "Key": key}


def _stack(resource: str) -> str:
    return resource.split(":stack/")[1].split("/")[0]


def _change_set(resource: str) -> dict[str, str]:
    return {"StackName": _stack(resource), "ChangeSetName": "asked"}


def _new_change_set(resource: str, context: Context) -> dict[str, Any]:
    role = context.get("cloudformation:RoleArn")
    return {
        "StackName": _stack(resource),
        "ChangeSetName": "asked-for",
        "TemplateBody": _TEMPLATE,
        **({"RoleARN": role} if role else {}),
    }


_POLICY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
_DOCUMENT_POLICY = json.dumps({"Version": "2012-10-17", "Statement": []})
_TAGGED = "Document"

_CALLS: dict[str, Callable[[Any, str, dict[str, Any]], Any]] = {
    "cloudformation:CreateChangeSet": lambda c, r, x: c.create_change_set(**_new_change_set(r, x)),
    "cloudformation:DeleteChangeSet": lambda c, r, x: c.delete_change_set(**_change_set(r)),
    "cloudformation:DeleteStack": lambda c, r, x: c.delete_stack(StackName=_stack(r)),
    "cloudformation:DescribeChangeSet": lambda c, r, x: c.describe_change_set(**_change_set(r)),
    "cloudformation:DescribeStackEvents": lambda c, r, x: c.describe_stack_events(
        StackName=_stack(r)
    ),
    "cloudformation:DescribeStackResources": lambda c, r, x: c.describe_stack_resources(
        StackName=_stack(r)
    ),
    "cloudformation:DescribeStacks": lambda c, r, x: c.describe_stacks(StackName=_stack(r)),
    "cloudformation:ExecuteChangeSet": lambda c, r, x: c.execute_change_set(**_change_set(r)),
    "cloudformation:GetTemplate": lambda c, r, x: c.get_template(StackName=_stack(r)),
    "ec2:DescribeInstanceStatus": lambda c, r, x: c.describe_instance_status(),
    "ec2:StartInstances": lambda c, r, x: c.start_instances(InstanceIds=[_name(r)]),
    "ec2:StopInstances": lambda c, r, x: c.stop_instances(InstanceIds=[_name(r)]),
    "iam:AddUserToGroup": lambda c, r, x: c.add_user_to_group(GroupName=_name(r), UserName="me"),
    "iam:AttachRolePolicy": lambda c, r, x: c.attach_role_policy(
        RoleName=_name(r), PolicyArn=_POLICY
    ),
    "iam:AttachUserPolicy": lambda c, r, x: c.attach_user_policy(
        UserName=_name(r), PolicyArn=_POLICY
    ),
    "iam:ChangePassword": lambda c, r, x: c.change_password(OldPassword="o", NewPassword="n"),
    "iam:GetAccountPasswordPolicy": lambda c, r, x: c.get_account_password_policy(),
    "iam:PutUserPolicy": lambda c, r, x: c.put_user_policy(
        UserName=_name(r), PolicyName="Own", PolicyDocument=_DOCUMENT_POLICY
    ),
    "s3:AbortMultipartUpload": lambda c, r, x: c.abort_multipart_upload(
        **_bucket_and_key(r), UploadId="asked"
    ),
    "s3:GetBucketLocation": lambda c, r, x: c.get_bucket_location(Bucket=r.split(":::")[1]),
    "s3:GetEncryptionConfiguration": lambda c, r, x: c.get_bucket_encryption(
        Bucket=r.split(":::")[1]
    ),
    "s3:GetObject": lambda c, r, x: c.get_object(**_bucket_and_key(r)),
    "s3:ListBucket": lambda c, r, x: c.list_objects_v2(
        Bucket=r.split(":::")[1], Prefix=x["s3:prefix"]
    ),
    "s3:PutObject": lambda c, r, x: c.put_object(**_bucket_and_key(r), Body=b"{}"),
    "ssm:AddTagsToResource": lambda c, r, x: c.add_tags_to_resource(
        ResourceType=_TAGGED, ResourceId=_name(r), Tags=[{"Key": "asked", "Value": "for"}]
    ),
    "ssm:CreateDocument": lambda c, r, x: c.create_document(
        Name=_name(r), DocumentType="Automation", Content=_CONTENT
    ),
    "ssm:DeleteDocument": lambda c, r, x: c.delete_document(Name=_name(r)),
    "ssm:DescribeAutomationExecutions": lambda c, r, x: c.describe_automation_executions(),
    "ssm:DescribeAutomationStepExecutions": lambda c, r, x: c.describe_automation_step_executions(
        AutomationExecutionId=_name(r)
    ),
    "ssm:DescribeDocument": lambda c, r, x: c.describe_document(Name=_document(r)),
    "ssm:GetAutomationExecution": lambda c, r, x: c.get_automation_execution(
        AutomationExecutionId=_name(r)
    ),
    "ssm:GetDocument": lambda c, r, x: c.get_document(Name=_document(r)),
    "ssm:ListDocumentVersions": lambda c, r, x: c.list_document_versions(Name=_document(r)),
    "ssm:ListDocuments": lambda c, r, x: c.list_documents(),
    "ssm:ModifyDocumentPermission": lambda c, r, x: c.modify_document_permission(
        Name=_name(r), PermissionType="Share", AccountIdsToAdd=["999999999999"]
    ),
    "ssm:RemoveTagsFromResource": lambda c, r, x: c.remove_tags_from_resource(
        ResourceType=_TAGGED, ResourceId=_name(r), TagKeys=["asked"]
    ),
    "ssm:SendAutomationSignal": lambda c, r, x: c.send_automation_signal(
        AutomationExecutionId=_name(r), SignalType="Approve"
    ),
    "ssm:StartAutomationExecution": lambda c, r, x: c.start_automation_execution(
        DocumentName=_document(r)
    ),
    "ssm:UpdateDocument": lambda c, r, x: c.update_document(
        Name=_name(r), Content=_CONTENT, DocumentVersion="$LATEST"
    ),
    "ssm:UpdateDocumentDefaultVersion": lambda c, r, x: c.update_document_default_version(
        Name=_name(r), DocumentVersion="1"
    ),
    "ssm:UpdateDocumentMetadata": lambda c, r, x: c.update_document_metadata(
        Name=_name(r), DocumentReviews={"Action": "SendForReview"}
    ),
    "sts:AssumeRole": lambda c, r, x: c.assume_role(RoleArn=r, RoleSessionName="asked"),
}
