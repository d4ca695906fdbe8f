"""Causes and fixes of messages of AWS, the AWS CLI, the SDKs, CDK and CloudFormation.

``messages.json`` holds real ones, each with the place where it stands and its right cause.
"""

import json
from pathlib import Path

import pytest

from operate.explanations import explain, explanations

_REAL: list[dict[str, str]] = json.loads((Path(__file__).parent / "messages.json").read_text())
_ARN = "arn:aws:ssm:us-east-1:111122223333"
_SAID = {
    # By what AWS, the SDK and CloudFormation say, what the cause begins with.
    "AccessDeniedException: User: U is not authorized to perform: ssm:StartAutomationExecution on "
    f"resource: {_ARN}:document/N because no identity-based policy allows it": "the runbook is not",
    "AccessDeniedException: User: U is not authorized to perform: ssm:StartAutomationExecution on "
    f"resource: {_ARN}:automation-definition/N:$DEFAULT": "the runbook is not among",
    "AccessDeniedException: User: U is not authorized to perform: ssm:StartAutomationExecution on "
    f"resource: {_ARN}:automation-execution/*": "your policy names the runbook and not",
    "AccessDeniedException: User: U is not authorized to perform: ssm:StartAutomationExecution on "
    f"resource: {_ARN}:document/N with an explicit deny in an identity-based policy": "a policy",
    "User: U is not authorized to perform: iam:PassRole on resource: R": "the runbook takes its",
    "InvalidAutomationExecutionParametersException: The defined assume role is unable to be "
    "assumed.": "the service role does not exist",
    "InvalidAutomationExecutionParametersException: The format of the supplied assume role ARN "
    "isn't valid.": "the runbook's assumeRole is not an ARN",
    "InvalidAutomationExecutionParameters: Missing required parameter: InstanceIds in user "
    "inputs.": "a parameter is missing, unknown",
    "InvalidAutomationExecutionParametersException: x": "Systems Manager refused a parameter",
    "InvalidAutomationExecutionParametersException: Only one resource group or tag can be "
    "specified at a time": "a start names several targets",
    "aws:changeInstanceState Failed An error occurred (UnauthorizedOperation) when calling the "
    "StopInstances operation: You are not authorized to perform this operation. Encoded "
    "authorization failure message: xyz": "the service role may not do this",
    "aws:changeInstanceState TimedOut Step timed out": "the instances did not come to the state",
    "Client.InternalError: Client error on launch": "the instance's volume is encrypted",
    "An error occurred (InsufficientInstanceCapacity)": "EC2 has no room",
    "An error occurred (IncorrectInstanceState)": "the instance is in a state",
    "aws:approve TimedOut": "nobody answered the approval",
    "aws:sleep TimedOut Step timed out": "the step did not end within its timeoutSeconds",
    "AutomationExecutionLimitExceededException: x": "too many automations run",
    "AutomationDefinitionNotFoundException: x": "there is no such runbook",
    "AutomationDefinitionVersionNotFound: x": "there is no such runbook or version",
    "UnauthorizedSSOTokenError: The SSO session associated with this profile has expired or is "
    "otherwise invalid. To refresh this SSO session run aws sso login with the corresponding "
    "profile.": "your credentials have expired",
    "TokenRetrievalError: Error when retrieving token from sso: Token has expired and refresh "
    "failed": "your credentials have expired",
    "RequestLimitExceeded: Request limit exceeded.": "AWS was asked more than",
    "EndpointConnectionError: Could not connect to the endpoint URL": "AWS could not be reached",
    "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
    "Rename": "a document's name or type was changed",
    "Create-Only Property cannot be updated with true update.": "a document's name or type",
    "DuplicateDocumentContent: x": "the document already has a version",
    "DuplicateDocumentVersionName: x": "a version's name is unique for ever",
    "DocumentAlreadyExists: Document with same name N already exists": "a document of this name",
    "Export S:E cannot be deleted as it is in use by T": "another stack imports",
    "AccessDeniedException: User: U is not authorized to perform: ssm:StopAutomationExecution on "
    f"resource: {_ARN}:automation-execution/I": "operators and approvers may not stop runs",
    "AccessDeniedException: User: U is not authorized to perform: ssm:SendAutomationSignal on "
    f"resource: {_ARN}:automation-execution/I with an explicit deny": "operators never answer",
    "AccessDeniedException: User: U is not authorized to perform: ssm:SendAutomationSignal on "
    f"resource: {_ARN}:automation-execution/I": "you are no approver",
    "InvalidAutomationSignalException: U is not among the approvers": "the approval step names",
    "AccessDeniedException: User: U is not authorized to perform: ssm:ListDocuments on resource: "
    "*": "operators and auditors list runbooks",
    "InvalidAutomationSignalException: x": "the run waits for no answer",
    "AccessDeniedException: User: U is not authorized to perform: cloudtrail:LookupEvents": "the "
    "event history and the roles of the account are read by auditors",
    "AutomationExecutionNotFoundException: x": "there is no such run",
    "InvalidAutomationStatusUpdateException: x": "the run has ended",
    "IdempotentParameterMismatch: x": "this client token has been used",
    "aws:assertAwsResourceProperty Failed GetCalendarState CLOSED": "the Change Calendar",
    "An error occurred (InvalidInstanceID.NotFound)": "there is no such instance",
    "NoCredentialsError: Unable to locate credentials": "no AWS credentials",
    "ProfileNotFound: The config profile (x) could not be found": "the AWS configuration",
    "UnrecognizedClientException: The security token included in the request is invalid.": "AWS "
    "does not know the access key",
    "SignatureDoesNotMatch: Signature expired": "this machine's clock is wrong",
    "SSLError: certificate verify failed": "the server's certificate",
    "User: U is not authorized to perform: iam:CreateServiceLinkedRole": "the caller may not make",
    "Encountered a permissions error performing a tagging operation": "the caller may make the",
    "The role with name HelpDesk cannot be found.": "deployments.py names a role, user or group",
    "User: U is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:"
    "role/cdk-hnb659fds-cfn-exec-role-111122223333-us-east-1": "the caller may not hand "
    "CloudFormation",
    "Step fails when it is doing something. Something was wrong.": "a step of the runbook failed",
    "Parameter RunCommandParameters is required": "an EventBridge rule names the document's ARN",
}


@pytest.mark.parametrize(("message", "cause"), _SAID.items())
def test_words_of_aws_are_explained(message: str, cause: str) -> None:
    assert [line[: len(f"cause: {cause}")] for line in explain(message)[:1]] == [f"cause: {cause}"]


@pytest.mark.parametrize("real", _REAL, ids=range(len(_REAL)))
def test_real_messages_are_explained(real: dict[str, str]) -> None:
    assert explain(real["message"])[:1] == [f"cause: {real['cause']}"]


def test_messages_are_many_and_each_has_its_source() -> None:
    assert len({real["message"] for real in _REAL}) >= 120
    assert all(real["source"] for real in _REAL)


def test_words_that_are_not_known_are_not_explained() -> None:
    assert explain("Something else went wrong") == []


def test_every_explanation_is_met() -> None:
    messages = [*_SAID, *(real["message"] for real in _REAL)]
    met = {line for message in messages for line in explain(message)}

    assert [e.cause for e in explanations() if f"cause: {e.cause}" not in met] == []
