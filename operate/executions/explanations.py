"""What went wrong, in the operator's words: the cause of a message of AWS, and the fix.

Each entry stands for one that people meet; the pattern is what AWS, the SDK or CloudFormation says.
Source: Systems Manager User Guide, Troubleshooting Automation, unless an entry names another.
"""

import re
import sys
from dataclasses import dataclass

from operate.command_name import as_called
from operate.errors import Exit, OperateError


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """The cause of a message, and the fix."""

    pattern: str
    """A regular expression, searched in ``Code: message`` without regard to case."""
    cause: str
    fix: str


def explain(message: str) -> list[str]:
    """Cause and fix of what AWS said, a line each; nothing for what is not known."""
    for explanation in EXPLANATIONS:
        if re.search(explanation.pattern, message, re.IGNORECASE | re.DOTALL):
            return [f"cause: {explanation.cause}", f"fix: {explanation.fix}"]
    return []


def print_explanation(words: list[str]) -> Exit:
    """Prints cause and fix of a message of AWS, given or on standard input."""
    lines = explain(" ".join(words) or sys.stdin.read())
    if not lines:
        raise OperateError("this message is not known here; the AWS documentation may know it")
    print("\n".join(map(as_called, lines)))
    return Exit.SUCCESS


EXPLANATIONS: tuple[Explanation, ...] = (
    Explanation(
        pattern=r"not authorized to perform: iam:PassRole",
        cause="the runbook takes its role from a parameter, or the document names a role that its "
        "author may not hand to Systems Manager",
        fix="as operator, start a runbook that embeds its role (python -m operate list); as "
        "author, deploy with AuthorDeploymentRole, which may pass this deployment's service roles "
        "and no other",
    ),
    Explanation(
        pattern=r"not authorized to perform: ssm:StartAutomationExecution.*with an explicit deny",
        cause="a policy forbids you to start runs: approvers may not, nor anyone whom a service "
        "control policy or a boundary keeps from it",
        fix="have an operator start it",
    ),
    Explanation(
        pattern=r"not authorized to perform: ssm:StartAutomationExecution.*automation-execution/",
        cause="your policy names the runbook and not the executions that a start makes",
        fix="ask the administrator for ssm:StartAutomationExecution on automation-execution/* "
        "beside the document, as OperatorRestrictedPermissions has it",
    ),
    Explanation(
        pattern=r"not authorized to perform: ssm:(StartAutomationExecution|GetDocument|"
        r"DescribeDocument|ListDocumentVersions)",
        cause="the runbook is not among those that you are given, or not in this Region",
        fix="see what there is (python -m operate list), check --region, or ask the administrator "
        "to add it to deployments.py",
    ),
    Explanation(
        pattern=r"not authorized to perform: ssm:ListDocuments",
        cause="operators and auditors list runbooks, approvers do not",
        fix="as approver, see what waits: python -m operate history --all --status Waiting",
    ),
    Explanation(
        pattern=r"not authorized to perform: ssm:StopAutomationExecution",
        cause="operators and approvers may not stop runs",
        fix="ask the administrator, who can stop it, or wait for its end",
    ),
    Explanation(
        pattern=r"not authorized to perform: ssm:SendAutomationSignal.*with an explicit deny",
        cause="operators never answer approvals, whatever else they are allowed",
        fix="ask one of the approvers (python -m operate describe NAME)",
    ),
    Explanation(
        pattern=r"not authorized to perform: ssm:SendAutomationSignal",
        cause="you are no approver of this deployment",
        fix="ask one of the approvers (python -m operate describe NAME), or the administrator to "
        "name you in deployments.py",
    ),
    Explanation(
        pattern=r"InvalidAutomationSignal.*(not among the approvers|approver)",
        cause="the approval step names other people; for those of IAM Identity Center it names "
        "their role, not the user",
        fix="sign in as one of the approvers (python -m operate describe NAME)",
    ),
    Explanation(
        pattern=r"InvalidAutomationSignal",
        cause="the run waits for no answer: it has been answered, has ended, or has not come to "
        "its approval yet",
        fix="look at it: python -m operate watch ID",
    ),
    Explanation(
        pattern=r"not authorized to perform: (cloudtrail:LookupEvents|iam:ListRoles)",
        cause="the event history and the roles of the account are read by auditors",
        fix="ask the administrator to name you among auditors in deployments.py; an auditor of an "
        "older deployment needs the new AdministrationStack",
    ),
    Explanation(
        pattern=r"assume role is unable to be assumed",
        cause="the service role does not exist (any more), its trust policy does not let "
        "ssm.amazonaws.com in for this account, or IAM has not spread a new role yet",
        fix="wait a minute and try again; if it stays, start the default version (an older one "
        "names a role that is gone), or have the administrator deploy AdministrationStack",
    ),
    Explanation(
        pattern=r"format of the supplied assume role ARN is(n't| invalid| not)|"
        r"assume role ARN .*invalid",
        cause="the runbook's assumeRole is not an ARN of a role: a placeholder or a bare name",
        fix="have the author deploy it from documents/, where assumeRole is left out: the "
        "deployment writes it",
    ),
    Explanation(
        pattern=r"ScheduledTime|ChangeCalendar|GetCalendarState|calendar.*CLOSED|assertCalendar",
        cause="the Change Calendar that the runbook obeys is closed",
        fix="start it again once the calendar is open; the administrator knows when",
    ),
    Explanation(
        pattern=r"InvalidInstanceID|instance ID.*does not exist|InstanceId.*not valid",
        cause="there is no such instance in this account and Region",
        fix="check the id and --region",
    ),
    Explanation(
        pattern=r"IncorrectInstanceState|IncorrectState",
        cause="the instance is in a state in which this cannot be done: terminated, or on its way",
        fix="wait until it is running or stopped, and start the runbook again",
    ),
    Explanation(
        pattern=r"kms:CreateGrant|KMSKey|InvalidKMSKey|Client\.InternalError",
        cause="the instance's volume is encrypted with a key that the service role may not use",
        fix="ask the administrator to name the key in volume_keys of the service role "
        "(deployments.py)",
    ),
    Explanation(
        pattern=r"InsufficientInstanceCapacity|InsufficientCapacity",
        cause="EC2 has no room for this instance type in its zone at the moment",
        fix="start the runbook again later, or with another type",
    ),
    Explanation(
        pattern=r"UnauthorizedOperation|You are not authorized to perform this operation",
        cause="the service role may not do this on this resource: the instance lacks the tag that "
        "the administrator asks for, or the role's boundary does not allow the call",
        fix="ask the administrator, whom python -m delegation who shows tag and boundary; "
        "anyone who can call sts:DecodeAuthorizationMessage can read the encoded message",
    ),
    Explanation(
        pattern=r"aws:approve.*(timed out|TimedOut)|approv.*timed out",
        cause="nobody answered the approval in time",
        fix="start it again, and show the approvers",
    ),
    Explanation(
        pattern=r"aws:changeInstanceState.*(timed out|TimedOut)|timed out.*status check",
        cause="the instances did not come to the state in time: a status check is impaired, a "
        "volume's key may not be used, or capacity lacks",
        fix="look at the instances' status checks and volumes; give volume_keys in "
        "deployments.py; then start it again",
    ),
    Explanation(
        pattern=r"timed out|TimedOut",
        cause="the step did not end within its timeoutSeconds",
        fix="look at what it waited for; the author can raise timeoutSeconds in documents/",
    ),
    Explanation(
        pattern=r"AutomationExecutionLimitExceeded",
        cause="too many automations run or wait in this account and Region",
        fix="wait until some have ended (python -m operate history --all), then start it again",
    ),
    Explanation(
        pattern=r"IdempotentParameterMismatch|IdempotencyException",
        cause="this client token has been used to start something else",
        fix="give each start a token of its own, or leave --client-token out",
    ),
    Explanation(
        pattern=r"AutomationExecutionNotFound",
        cause="there is no such run in this account and Region; AWS forgets runs after some weeks",
        fix="check the id and --region, or look it up: python -m operate history --all",
    ),
    Explanation(
        pattern=r"AutomationDefinition(Version)?NotFound|InvalidDocument(Version)?\b",
        cause="there is no such runbook or version in this account and Region",
        fix="see what there is (python -m operate list), and check --region",
    ),
    Explanation(
        pattern=r"InvalidAutomationStatusUpdate",
        cause="the run has ended, or was asked to stop before",
        fix="look at it: python -m operate watch ID",
    ),
    Explanation(
        pattern=r"ExpiredToken|RequestExpired|token.*expired|UnauthorizedSSOToken|"
        r"SSOTokenLoad|TokenRetrieval|SSO session.*(expired|invalid)",
        cause="your credentials have expired",
        fix="sign in again: aws sso login, or as your company hands out credentials",
    ),
    Explanation(
        pattern=r"NoCredentials|PartialCredentials|Unable to locate credentials",
        cause="no AWS credentials were found",
        fix="name a profile (--profile), or set the variables of the AWS CLI",
    ),
    Explanation(
        pattern=r"ProfileNotFound",
        cause="the AWS configuration has no such profile",
        fix="see which there are: aws configure list-profiles",
    ),
    Explanation(
        pattern=r"UnrecognizedClient|InvalidClientTokenId|InvalidAccessKeyId",
        cause="AWS does not know the access key: it was deleted, or belongs to another partition",
        fix="check --profile and the Region's partition, or ask for a new key",
    ),
    Explanation(
        pattern=r"InvalidSignature|SignatureDoesNotMatch|Signature (expired|not yet current)",
        cause="the secret key does not belong to the access key, or this machine's clock is wrong",
        fix="check both keys, and the clock",
    ),
    Explanation(
        pattern=r"Throttl|RequestLimitExceeded|TooManyRequests|Rate exceeded",
        cause="AWS was asked more than it answers at a time, and still when tried again",
        fix="try again in a minute; a start is not made twice with the same --client-token",
    ),
    Explanation(
        pattern=r"EndpointConnection|ConnectTimeout|ReadTimeout|ConnectionClosed|"
        r"ConnectionError|Could not connect|ProxyConnection|NameResolution",
        cause="AWS could not be reached: the network, a proxy, or a Region that is none",
        fix="check the network and --region",
    ),
    Explanation(
        pattern=r"SSLError|certificate verify failed",
        cause="the server's certificate is not trusted here",
        fix="set AWS_CA_BUNDLE to the certificates of your network or sandbox",
    ),
    # What authors meet when they deploy runbooks.
    Explanation(
        pattern=r"custom-named resource requires replacing|"
        r"Create-Only Property cannot be updated with true update",
        cause="a document's name or type was changed, or its UpdateMethod is Replace: a resource "
        "with a fixed name cannot be replaced",
        fix="add the runbook under its new name and take the old one away; leave UpdateMethod as "
        "RunbookDocument sets it. Source: CloudFormation, AWS::SSM::Document",
    ),
    Explanation(
        pattern=r"DuplicateDocumentContent",
        cause="the document already has a version of exactly this content",
        fix="nothing is to be done; make an older version the default again with "
        "ssm:UpdateDocumentDefaultVersion",
    ),
    Explanation(
        pattern=r"DuplicateDocumentVersionName",
        cause="a version's name is unique for ever, and this one was used before",
        fix="leave VersionName out, as RunbookDocument does",
    ),
    Explanation(
        pattern=r"DocumentAlreadyExists|document.*already exists",
        cause="a document of this name exists: made by hand, by another stack, or kept by a "
        "deleted one",
        fix="delete it, or import it into RunbooksStack (cdk import; its identifier is the name)",
    ),
    Explanation(
        pattern=r"Export .* cannot be deleted as it is in use by",
        cause="another stack imports the value by Fn::ImportValue",
        fix="take the name from a fixed name or a weak reference instead; these stacks export "
        "nothing",
    ),
    Explanation(
        pattern=r"Only one resource group or tag can be specified",
        cause="a start names several targets",
        fix="use one tag, one resource group, or a list of parameter values",
    ),
    Explanation(
        pattern=r"RunCommandParameters|document/.*is not a valid.*target",
        cause="an EventBridge rule names the document's ARN, which means Run Command",
        fix="name arn:…:automation-definition/NAME as target, with a role that may start it",
    ),
    Explanation(
        pattern=r"InvalidAutomationExecutionParameters",
        cause="Systems Manager refused a parameter",
        fix="see what the runbook takes: python -m operate describe NAME",
    ),
)
