"""The limits of deployments.py, deployed and played in the sandbox, each with its denied twin."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from delegation.model import Approval, CompanyBoundary, IamUser, PermissionSet, ServiceRole
from delegation.runbooks.runbook import load_runbooks
from sandbox import Sandbox
from tests.stacks.deployed import deploy, remove
from tests.stacks.synthesis import RUNBOOK, deployment

pytestmark = pytest.mark.sandbox

_REGION = "eu-west-2"
_OPERATOR = "AutomationRestrictedOperator"
_CALENDAR = "BEGIN:VCALENDAR\nVERSION:2.0\nX-CALENDAR-TYPE:DEFAULT_{state}\nEND:VCALENDAR\n"

Run = dict[str, Any]
Play = Callable[..., None]


class Account:
    """A deployment in the sandbox, with what its people do."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.ec2 = sandbox.client("ec2", region=_REGION)
        self.root = sandbox.client("ssm", region=_REGION)

    def ssm_of(self, user: str) -> Any:
        """An SSM client with keys of a user, who is made if there is none."""
        iam = self._sandbox.client("iam")
        keys = iam.create_access_key(UserName=user)["AccessKey"]
        return self._sandbox.client("ssm", keys, region=_REGION)

    def grant_everything(self, user: str) -> None:
        """Grants a user every action besides what the deployment does."""
        allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        self._sandbox.client("iam").put_user_policy(
            UserName=user,
            PolicyName="Everything",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
        )

    def launch(self, *, tags: dict[str, str]) -> str:
        """Launches an instance with tags."""
        launched = self.ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)
        instance = str(launched["Instances"][0]["InstanceId"])
        if tags:
            self.ec2.create_tags(
                Resources=[instance], Tags=[{"Key": k, "Value": v} for k, v in tags.items()]
            )
        return instance

    def launches(self, instance: str) -> list[str]:
        """The calls that changed an instance's state, the newest first."""
        events = self._sandbox.client("cloudtrail", region=_REGION).lookup_events()["Events"]
        return [
            event["EventName"]
            for event in events
            if event["EventName"] in ("StopInstances", "StartInstances")
            and "errorCode" not in json.loads(event["CloudTrailEvent"])
            and instance in event["CloudTrailEvent"]
        ]

    def start(self, client: Any, *instances: str, runbook: str = RUNBOOK, **more: Any) -> str:
        """Starts a runbook on instances."""
        parameters = {"InstanceId": list(instances), **more}
        answer = client.start_automation_execution(DocumentName=runbook, Parameters=parameters)
        return str(answer["AutomationExecutionId"])

    def await_status(self, execution_id: str, *statuses: str) -> Run:
        """The execution once it is in one of these statuses."""
        for _ in range(500):
            answer = self.root.get_automation_execution(AutomationExecutionId=execution_id)
            run: Run = answer["AutomationExecution"]
            if run["AutomationExecutionStatus"] in statuses:
                return run
            time.sleep(0.02)
        raise AssertionError(f"{execution_id} is not {statuses}: {run}")

    def end_of(self, execution_id: str) -> Run:
        """The execution once it has ended."""
        return self.await_status(execution_id, "Success", "Failed", "TimedOut", "Cancelled")


@pytest.fixture
def account(sandbox: Sandbox) -> Account:
    """The account that a deployment is played in."""
    return Account(sandbox)


@pytest.fixture
def play(sandbox: Sandbox) -> Iterator[Play]:
    """Deploys the default deployment with a limited service role, for the test."""

    def deploy_limited(
        folder: Path | None = None,
        runbook: str = RUNBOOK,
        company: Mapping[str, Any] | None = None,
        **limits: Any,
    ) -> None:
        role = ServiceRole(name="AutomationServiceRole", runbooks=(runbook,), **limits)
        runbooks = load_runbooks([runbook], folder) if folder else None
        limited = deployment(service_roles=(role,), **(company or {}))
        for stack in ("AdministrationStack", "RunbooksStack"):
            deploy(sandbox, _REGION, stack, limited, runbooks=runbooks)

    yield deploy_limited
    iam = sandbox.client("iam")
    for user in iam.list_users()["Users"]:  # their keys are no part of the stack
        for policy in iam.list_user_policies(UserName=user["UserName"])["PolicyNames"]:
            if policy == "Everything":
                iam.delete_user_policy(UserName=user["UserName"], PolicyName=policy)
        for key in iam.list_access_keys(UserName=user["UserName"])["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=user["UserName"], AccessKeyId=key["AccessKeyId"])
    for stack in ("RunbooksStack", "AdministrationStack"):
        remove(sandbox, _REGION, stack)


def test_one_untagged_instance_among_several_and_nothing_is_stopped(
    account: Account, play: Play
) -> None:
    play(only_instances_tagged=("Automation", "allowed"))
    allowed = account.launch(tags={"Automation": "allowed"})
    other = account.launch(tags={"Automation": "no"})
    operator = account.ssm_of(_OPERATOR)

    refused = account.end_of(account.start(operator, allowed, other))
    before = account.launches(allowed) + account.launches(other)
    done = account.end_of(account.start(operator, allowed))

    assert "is not authorized to perform: ec2:StopInstances" in refused["FailureMessage"]
    assert before == []
    assert done["AutomationExecutionStatus"] == "Success"
    assert account.launches(allowed) == ["StartInstances", "StopInstances"]


_TAGGING: dict[str, tuple[dict[str, Any], bool]] = {
    "another tag is set": ({"Api": "CreateTags", "Tags": [{"Key": "A", "Value": "b"}]}, True),
    "the tag is set": (
        {"Api": "CreateTags", "Tags": [{"Key": "Automation", "Value": "allowed"}]},
        False,
    ),
    "the tag is set in another case": (
        {"Api": "CreateTags", "Tags": [{"Key": "AUTOMATION", "Value": "allowed"}]},
        False,
    ),
    "another tag is removed": ({"Api": "DeleteTags", "Tags": [{"Key": "A"}]}, True),
    "the tag is removed": ({"Api": "DeleteTags", "Tags": [{"Key": "Automation"}]}, False),
    "every tag is removed": ({"Api": "DeleteTags"}, False),
}


def test_role_limited_by_a_tag_can_neither_set_nor_remove_it(
    account: Account, play: Play, tmp_path: Path
) -> None:
    steps = [
        {
            "name": f"step{number}",
            "action": "aws:executeAwsApi",
            "onFailure": "Continue",
            "inputs": {"Service": "ec2", "Resources": ["{{ InstanceId }}"], **inputs},
        }
        for number, (inputs, _) in enumerate(_TAGGING.values())
    ]
    content = {
        "schemaVersion": "0.3",
        "parameters": {"InstanceId": {"type": "AWS::EC2::Instance::Id"}},
        "mainSteps": steps,
    }
    (tmp_path / "Tag-Instance.json").write_text(json.dumps(content), "utf-8")
    play(tmp_path, "Tag-Instance", only_instances_tagged=("Automation", "allowed"))
    instance = account.launch(tags={"Automation": "allowed"})

    run = account.end_of(account.start(account.ssm_of(_OPERATOR), instance, runbook="Tag-Instance"))

    succeeded = [step["StepStatus"] == "Success" for step in run["StepExecutions"]]
    assert dict(zip(_TAGGING, succeeded, strict=True)) == {
        name: allowed for name, (_, allowed) in _TAGGING.items()
    }


def test_more_instances_than_allowed_are_refused_at_the_start(account: Account, play: Play) -> None:
    play(at_most_instances=1)
    one, two = (account.launch(tags={}) for _ in range(2))
    operator = account.ssm_of(_OPERATOR)

    with pytest.raises(ClientError) as refused:
        account.start(operator, one, two)
    before = account.launches(one) + account.launches(two)
    done = account.end_of(account.start(operator, one))

    assert refused.value.response["Error"] == {
        "Code": "InvalidAutomationExecutionParametersException",
        "Message": "Parameter InstanceId has 2 values; allowed are 0 to 1.",
    }
    assert before == []
    assert done["AutomationExecutionStatus"] == "Success"


def test_role_acts_on_instances_with_every_tag_and_one_of_its_values(
    account: Account, play: Play
) -> None:
    play(only_instances_tagged=(("Automation", "allowed"), ("Team", ("db", "web"))))
    operator = account.ssm_of(_OPERATOR)
    ended = {
        str(tags): account.end_of(account.start(operator, account.launch(tags=tags)))
        for tags in (
            {"Automation": "allowed", "Team": "db"},
            {"Automation": "allowed", "Team": "web"},
            {"Automation": "allowed", "Team": "other"},
            {"Automation": "allowed"},
            {"Team": "db"},
        )
    }

    assert [run["AutomationExecutionStatus"] for run in ended.values()] == [
        *("Success", "Success"),
        *("Failed", "Failed", "Failed"),
    ]


def test_run_without_a_reason_of_the_pattern_is_refused_at_the_start(
    account: Account, play: Play
) -> None:
    play(require_reason=True, reason_pattern="^OPS-[0-9]+$")
    operator, instance = account.ssm_of(_OPERATOR), account.launch(tags={})

    with pytest.raises(ClientError, match="Reason"):
        account.start(operator, instance)
    with pytest.raises(ClientError, match="Reason"):
        account.start(operator, instance, Reason=["because"])
    done = account.end_of(account.start(operator, instance, Reason=["OPS-17"]))

    assert done["AutomationExecutionStatus"] == "Success"
    assert done["Parameters"]["Reason"] == ["OPS-17"]


def test_run_waits_for_the_approver_and_its_starter_cannot_approve(
    account: Account, play: Play
) -> None:
    play(approval=Approval(by=(IamUser("lead"),)))
    instance = account.launch(tags={})
    operator, lead = account.ssm_of(_OPERATOR), account.ssm_of("lead")

    execution_id = account.start(operator, instance)
    account.await_status(execution_id, "Waiting")
    signal = {"AutomationExecutionId": execution_id, "SignalType": "Approve"}
    with pytest.raises(ClientError) as own:
        operator.send_automation_signal(**signal)
    with pytest.raises(ClientError) as started:
        account.start(lead, instance)
    account.grant_everything("lead")
    with pytest.raises(ClientError) as with_more:
        account.start(lead, instance)
    before = account.launches(instance)
    lead.send_automation_signal(**signal)
    done = account.end_of(execution_id)

    assert "with an explicit deny" in own.value.response["Error"]["Message"]
    assert started.value.response["Error"]["Code"] == "AccessDeniedException"
    assert "with an explicit deny" in with_more.value.response["Error"]["Message"]
    assert before == []
    assert done["AutomationExecutionStatus"] == "Success"


def test_rejected_run_touches_nothing(account: Account, play: Play) -> None:
    play(approval=Approval(by=(IamUser("lead"),)))
    instance = account.launch(tags={})
    execution_id = account.start(account.ssm_of(_OPERATOR), instance)
    account.await_status(execution_id, "Waiting")

    account.ssm_of("lead").send_automation_signal(
        AutomationExecutionId=execution_id, SignalType="Reject"
    )

    assert account.end_of(execution_id)["AutomationExecutionStatus"] == "Failed"
    assert account.launches(instance) == []


@pytest.mark.parametrize(("state", "status"), [("OPEN", "Success"), ("CLOSED", "Failed")])
def test_run_begins_only_while_the_calendar_is_open(
    account: Account, play: Play, state: str, status: str
) -> None:
    play(calendar="Changes")
    account.root.create_document(
        Name="Changes",
        DocumentType="ChangeCalendar",
        DocumentFormat="TEXT",
        Content=_CALENDAR.format(state=state),
    )
    instance = account.launch(tags={})

    run = account.end_of(account.start(account.ssm_of(_OPERATOR), instance))
    account.root.delete_document(Name="Changes")

    assert run["AutomationExecutionStatus"] == status
    assert bool(account.launches(instance)) == (state == "OPEN")


def test_approvers_are_told_what_waits_and_why(
    account: Account, play: Play, sandbox: Sandbox
) -> None:
    sns, sqs = (sandbox.client(service, region=_REGION) for service in ("sns", "sqs"))
    topic = sns.create_topic(Name="AutomationApprovals")["TopicArn"]
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = topic.replace(":sns:", ":sqs:").replace("AutomationApprovals", "told")
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    approval = Approval(by=(IamUser("lead"),), notify="AutomationApprovals")
    play(approval=approval, require_reason=True)

    operator, instance = account.ssm_of(_OPERATOR), account.launch(tags={})
    run = account.start(operator, instance, Reason=["OPS-17, disk is full"])
    account.await_status(run, "Waiting")

    (told,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert json.loads(told["Body"])["Message"] == (
        "Restart-EC2InstanceDemo waits for your approval: OPS-17, disk is full\n"
        f"See and answer it: operate approve {run} --region {_REGION}"
    )
    account.root.stop_automation_execution(AutomationExecutionId=run)
    account.end_of(run)
    sns.delete_topic(TopicArn=topic)


def test_run_is_approved_by_the_role_of_a_permission_set(
    account: Account, play: Play, sandbox: Sandbox
) -> None:
    """As Identity Center makes the role: under a path, with the policy that it attaches by name."""
    iam, path = sandbox.client("iam"), "/aws-reserved/sso.amazonaws.com/eu-west-1/"
    anybody = {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName="AWSReservedSSO_Leads_0123456789abcdef",
        Path=path,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [anybody]}),
    )["Role"]
    leads = PermissionSet("Leads", role_arn=role["Arn"])
    play(approval=Approval(by=(leads,)))
    policy = "arn:aws:iam::000000000000:policy/ApproverRestrictedPermissions"
    iam.attach_role_policy(RoleName=role["RoleName"], PolicyArn=policy)
    lead = sandbox.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="alice")
    keys = {name: lead["Credentials"][name] for name in ("AccessKeyId", "SecretAccessKey")}
    session = sandbox.client(
        "ssm", {**keys, "SessionToken": lead["Credentials"]["SessionToken"]}, region=_REGION
    )

    run = account.start(account.ssm_of(_OPERATOR), account.launch(tags={}))
    account.await_status(run, "Waiting")
    session.send_automation_signal(AutomationExecutionId=run, SignalType="Approve")
    done = account.end_of(run)
    iam.detach_role_policy(RoleName=role["RoleName"], PolicyArn=policy)

    assert done["AutomationExecutionStatus"] == "Success"


def test_service_role_under_a_companys_boundary_restarts_what_the_boundary_lets_it(
    account: Account, play: Play, sandbox: Sandbox
) -> None:
    iam = sandbox.client("iam")
    statement = {"Effect": "Allow", "Action": ["ec2:*", "ssm:*"], "Resource": "*"}
    boundary = iam.create_policy(
        PolicyName="OrgBoundary",
        Path="/company/",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )["Policy"]["Arn"]
    rules = CompanyBoundary(policy="company/OrgBoundary", on_service_roles=True)
    play(company={"permissions_boundary": rules, "tags": (("CostCenter", "4711"),)})
    user = iam.get_user(UserName="AutomationRestrictedOperator")["User"]
    role = iam.get_role(RoleName="AutomationServiceRole")["Role"]
    for principal in (user, role):
        assert principal["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
        assert {"Key": "CostCenter", "Value": "4711"} in principal["Tags"]
    instance, operator = account.launch(tags={}), account.ssm_of(_OPERATOR)

    restarted = account.end_of(account.start(operator, instance))
    narrower = statement | {"Action": ["ec2:Describe*", "ssm:*"]}
    iam.create_policy_version(
        PolicyArn=boundary,
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [narrower]}),
        SetAsDefault=True,
    )
    refused = account.end_of(account.start(operator, instance))

    assert restarted["AutomationExecutionStatus"] == "Success"
    assert refused["AutomationExecutionStatus"] == "Failed"
    assert "is not authorized to perform: ec2:StopInstances" in refused["FailureMessage"]
