"""IAM in the sandbox: judged as AWS judges, where the emulator alone does not."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from sandbox import Sandbox
from tests.sandbox.conftest import Document

pytestmark = pytest.mark.sandbox

User = Callable[..., dict[str, str]]
Launch = Callable[..., list[str]]


def _code(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return str(error.value.response["Error"]["Code"])


def _stop_tagged(key: str) -> Document:
    return {
        "Effect": "Allow",
        "Action": "ec2:StopInstances",
        "Resource": "arn:aws:ec2:us-east-1:000000000000:instance/*",
        "Condition": {"StringEquals": {f"{key}/Automation": "allowed"}},
    }


@pytest.mark.parametrize("key", ["aws:ResourceTag", "ec2:ResourceTag"])
def test_one_untagged_instance_among_several_denies_the_whole_call(
    sandbox: Sandbox, user: User, instances: Launch, key: str
) -> None:
    tagged, untagged = instances(2, Automation="allowed"), instances(1)
    ec2 = sandbox.client("ec2", user(_stop_tagged(key)))

    assert _code(ec2.stop_instances, InstanceIds=[*tagged, *untagged]) == "UnauthorizedOperation"
    stopped = ec2.stop_instances(InstanceIds=tagged)["StoppingInstances"]
    assert [instance["InstanceId"] for instance in stopped] == tagged
    root = sandbox.client("ec2").describe_instances(InstanceIds=untagged)
    assert root["Reservations"][0]["Instances"][0]["State"]["Name"] == "running"


def test_instance_arn_does_not_allow_a_call_without_resource_level_permission(
    sandbox: Sandbox, user: User, instances: Launch, unique: str
) -> None:
    ids = instances(1)
    action = "ec2:DescribeInstanceStatus"
    on_instances = "arn:aws:ec2:us-east-1:000000000000:instance/*"
    by_arn = user({"Effect": "Allow", "Action": action, "Resource": on_instances})
    by_star = user({"Effect": "Allow", "Action": action, "Resource": "*"}, name=f"S-{unique}")

    narrow, wide = sandbox.client("ec2", by_arn), sandbox.client("ec2", by_star)

    assert _code(narrow.describe_instance_status, InstanceIds=ids) == "UnauthorizedOperation"
    assert wide.describe_instance_status(InstanceIds=ids)["InstanceStatuses"]


def test_attached_managed_policy_grants_what_its_text_says(
    sandbox: Sandbox, role: Callable[..., str], instances: Launch
) -> None:
    arn = role(principal={"AWS": "arn:aws:iam::000000000000:root"})
    sandbox.client("iam").attach_role_policy(
        RoleName=arn.rsplit("/", 1)[1],
        PolicyArn="arn:aws:iam::aws:policy/service-role/AmazonSSMAutomationRole",
    )
    assumed = sandbox.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")
    ec2 = sandbox.client("ec2", assumed["Credentials"])

    assert ec2.stop_instances(InstanceIds=instances(1))["StoppingInstances"]
    assert _code(ec2.describe_instances) == "UnauthorizedOperation"


def test_boundary_limits_an_execution_to_what_it_allows(
    sandbox: Sandbox,
    ssm: Any,
    role: Callable[..., str],
    runbook: Any,
    finish: Any,
    instances: Launch,
    unique: str,
) -> None:
    ids = instances(1)
    iam = sandbox.client("iam")
    arn = role({"Effect": "Allow", "Action": "ec2:*", "Resource": "*"})
    actions = ["ec2:StopInstances", "ec2:DescribeInstanceStatus"]
    allow = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    boundary = iam.create_policy(
        PolicyName=f"B-{unique}",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
    )
    iam.put_role_permissions_boundary(
        RoleName=arn.rsplit("/", 1)[1], PermissionsBoundary=boundary["Policy"]["Arn"]
    )

    def step(state: str) -> Document:
        inputs = {"InstanceIds": ids, "DesiredState": state}
        return {"name": state, "action": "aws:changeInstanceState", "inputs": inputs}

    name = runbook(step("stopped"), step("running"), assumeRole=arn)

    execution = finish(ssm.start_automation_execution(DocumentName=name)["AutomationExecutionId"])

    assert {s["StepName"]: s["StepStatus"] for s in execution["StepExecutions"]} == {
        "stopped": "Success",
        "running": "Failed",
    }
    assert "is not authorized to perform: ec2:StartInstances" in execution["FailureMessage"]


def test_wrong_secret_and_unknown_key_are_refused(sandbox: Sandbox) -> None:
    keys = sandbox.environment()
    wrong = {"AccessKeyId": keys["AWS_ACCESS_KEY_ID"], "SecretAccessKey": "wrong"}
    unknown = {"AccessKeyId": "AKIAUNKNOWN000000000", "SecretAccessKey": "wrong"}

    codes = [
        _code(sandbox.client("ssm", credentials).list_documents) for credentials in (wrong, unknown)
    ]

    assert codes == ["InvalidSignatureException", "UnrecognizedClientException"]


def test_tags_of_a_document_and_an_execution_decide(
    sandbox: Sandbox, ssm: Any, user: User, runbook: Any
) -> None:
    name = runbook({"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1H"}})
    mine = [{"Key": "Owner", "Value": "me"}]
    statement = {
        "Effect": "Allow",
        "Action": ["ssm:StopAutomationExecution", "ssm:DescribeDocument"],
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/Owner": "me"}},
    }
    client = sandbox.client("ssm", user(statement))
    own, other = (
        ssm.start_automation_execution(DocumentName=name, **tags)["AutomationExecutionId"]
        for tags in ({"Tags": mine}, {})
    )

    client.stop_automation_execution(AutomationExecutionId=own)
    denied = _code(client.stop_automation_execution, AutomationExecutionId=other)
    before = _code(client.describe_document, Name=name)
    ssm.add_tags_to_resource(ResourceType="Document", ResourceId=name, Tags=mine)

    assert (denied, before) == ("AccessDeniedException", "AccessDeniedException")
    assert client.describe_document(Name=name)["Document"]["Name"] == name
    ssm.stop_automation_execution(AutomationExecutionId=other)


def test_no_key_but_the_runs_own_is_root(sandbox: Sandbox) -> None:
    for access_key in ("test", "000000000000"):
        client = sandbox.client("ssm", {"AccessKeyId": access_key, "SecretAccessKey": "test"})
        assert _code(client.list_documents) == "UnrecognizedClientException"


def test_emulators_administration_paths_are_closed(sandbox: Sandbox) -> None:
    context = ssl.create_default_context(cafile=str(sandbox.folder / "ca.pem"))

    for path in ("/_ministack/reset", "/_ministack/config", "/_localstack/health"):
        request = urllib.request.Request(f"{sandbox.endpoint}{path}", method="POST")
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(request, context=context, timeout=5)
        assert error.value.code == 404
        error.value.close()


def test_policy_variable_in_a_resource_is_the_callers_own_name(
    sandbox: Sandbox, user: User, unique: str
) -> None:
    statement = {
        "Effect": "Allow",
        "Action": "iam:CreateAccessKey",
        "Resource": "arn:aws:iam::000000000000:user/${aws:username}",
    }
    iam = sandbox.client("iam", user(statement))
    sandbox.client("iam").create_user(UserName=f"Other-{unique}")

    assert iam.create_access_key(UserName=f"User-{unique}")["AccessKey"]
    assert _code(iam.create_access_key, UserName=f"Other-{unique}") == "AccessDenied"


def test_instance_named_in_another_place_of_the_request_is_judged_too(
    sandbox: Sandbox, user: User, instances: Launch
) -> None:
    tagged, untagged = instances(1, Automation="allowed"), instances(1)
    keys = user(_stop_tagged("aws:ResourceTag"))
    request = AWSRequest(
        method="POST",
        url=f"{sandbox.endpoint}/?InstanceId.1={tagged[0]}",
        data=f"Action=StopInstances&Version=2016-11-15&InstanceId.1={untagged[0]}",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    credentials = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"])
    SigV4Auth(credentials, "ec2", "us-east-1").add_auth(request)

    response = URLLib3Session(verify=str(sandbox.folder / "ca.pem")).send(request.prepare())

    assert response.status_code == 403
    assert b"UnauthorizedOperation" in response.content


def test_protecting_tag_cannot_be_removed_against_a_deny(
    sandbox: Sandbox, user: User, instances: Launch
) -> None:
    ids = instances(1, Protected="yes")
    deny = {
        "Effect": "Deny",
        "Action": "ec2:*",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/Protected": "yes"}},
    }
    ec2 = sandbox.client("ec2", user({"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}, deny))

    tags = [{"Key": "Protected"}]
    assert _code(ec2.delete_tags, Resources=ids, Tags=tags) == "UnauthorizedOperation"
    assert _code(ec2.stop_instances, InstanceIds=ids) == "UnauthorizedOperation"


def test_policy_variable_in_a_condition_is_the_callers_own_name(
    sandbox: Sandbox, user: User, runbook: Any, unique: str
) -> None:
    name = runbook({"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}})
    statement = {
        "Effect": "Allow",
        "Action": ["ssm:StartAutomationExecution", "ssm:AddTagsToResource"],
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:RequestTag/Owner": "${aws:username}"}},
    }
    client = sandbox.client("ssm", user(statement))

    own = [{"Key": "Owner", "Value": f"User-{unique}"}]
    other = [{"Key": "Owner", "Value": "somebody"}]
    assert client.start_automation_execution(DocumentName=name, Tags=own)["AutomationExecutionId"]
    denied = _code(client.start_automation_execution, DocumentName=name, Tags=other)
    assert denied == "AccessDeniedException"
