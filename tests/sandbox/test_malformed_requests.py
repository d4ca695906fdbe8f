"""Requests that AWS refuses before it looks at permissions: bodies and scopes, over real HTTPS."""

import json
import ssl
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from sandbox import Sandbox

pytestmark = pytest.mark.sandbox

_DEEP = "[" * 100_000
_DEEP_BUT_READABLE = '{"a":' * 900 + "1" + "}" * 900
_NO_NAME = (
    "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must "
    "not be null"
)


def _sent(
    sandbox: Sandbox,
    body: str,
    *,
    target: str = "AmazonSSM.GetDocument",
    service: str = "ssm",
    region: str = "us-east-1",
) -> tuple[int, dict[str, Any]]:
    """Status and body of the answer to a request with a right signature of this scope."""
    environment = sandbox.environment()
    keys = Credentials(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
    request = AWSRequest("POST", f"{sandbox.endpoint}/", headers=headers, data=body.encode())
    SigV4Auth(keys, service, region).add_auth(request)
    prepared = request.prepare()
    context = ssl.create_default_context(cafile=environment["AWS_CA_BUNDLE"])
    asked = urllib.request.Request(
        prepared.url, data=body.encode(), headers=dict(prepared.headers), method="POST"
    )
    try:
        with urllib.request.urlopen(asked, context=context, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.mark.parametrize(
    ("target", "service"),
    [
        ("AmazonSSM.GetDocument", "ssm"),
        ("AmazonSSM.PutParameter", "ssm"),
        ("secretsmanager.GetSecretValue", "secretsmanager"),
        ("AWSEvents.PutRule", "events"),
        ("Logs_20140328.CreateLogGroup", "logs"),
    ],
)
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{", "SerializationException"),
        ("not json", "SerializationException"),
        ("[]", "SerializationException"),
        ('"text"', "SerializationException"),
        ("null", "SerializationException"),
        (_DEEP, "SerializationException"),
        ("", "ValidationException"),
        ("{}", "ValidationException"),
        (_DEEP_BUT_READABLE, "ValidationException"),
    ],
)
def test_body_that_is_none_of_the_operation_is_refused(
    sandbox: Sandbox, target: str, service: str, body: str, code: str
) -> None:
    status, answer = _sent(sandbox, body, target=target, service=service)

    assert (status, answer["__type"]) == (400, code)


@pytest.mark.parametrize("member", ["Name", "DocumentVersion", "Unknown"])
def test_member_that_is_nested_deeply_is_refused(sandbox: Sandbox, member: str) -> None:
    body = f'{{"Name": "x", "{member}": {_DEEP_BUT_READABLE}}}'

    status, answer = _sent(sandbox, body)

    assert status == 400
    assert answer["__type"] in ("SerializationException", "ValidationException")


def test_document_whose_content_is_nested_deeply_is_refused(sandbox: Sandbox) -> None:
    content = json.dumps({"schemaVersion": "0.3", "mainSteps": []})[:-1]
    deep = f'{content}, "outputs": {_DEEP_BUT_READABLE}}}'
    body = json.dumps({"Name": "Deep", "DocumentType": "Automation", "Content": deep})

    status, answer = _sent(sandbox, body, target="AmazonSSM.CreateDocument")

    assert (status, answer["__type"]) == (400, "InvalidDocumentContent")


def test_empty_body_names_what_is_missing(sandbox: Sandbox) -> None:
    assert _sent(sandbox, "")[1] == {"__type": "ValidationException", "message": _NO_NAME}
    assert _sent(sandbox, "", target="AmazonSSM.ListDocuments")[0] == 200


def test_signature_for_another_service_is_refused(sandbox: Sandbox) -> None:
    status, answer = _sent(sandbox, '{"Name": "x"}', service="secretsmanager")

    assert (status, answer) == (
        403,
        {
            "__type": "InvalidSignatureException",
            "message": "Credential should be scoped to correct service: 'ssm', not "
            "'secretsmanager'.",
        },
    )


@pytest.mark.parametrize("region", ["nowhere-1", "us-east-1a", "US-EAST-1"])
def test_signature_for_no_region_is_refused(sandbox: Sandbox, region: str) -> None:
    status, answer = _sent(sandbox, '{"Name": "x"}', region=region)

    message = f"Credential should be scoped to a valid region, not '{region}'."
    assert (status, answer["message"]) == (403, message)


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("ec2", "describe_instances", "AuthFailure"),
        ("sts", "get_caller_identity", "SignatureDoesNotMatch"),
        ("iam", "list_users", "SignatureDoesNotMatch"),
    ],
)
def test_client_for_no_region_is_refused_in_the_form_of_its_service(
    sandbox: Sandbox, service: str, operation: str, code: str
) -> None:
    client = sandbox.client(service, region="eu-nowhere-9")

    with pytest.raises(ClientError) as caught:
        getattr(client, operation)()

    assert caught.value.response["Error"]["Code"] == code
