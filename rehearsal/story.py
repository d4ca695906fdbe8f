"""The three people's story, scene by scene."""

import json
import secrets
import shlex
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

from rehearsal.author import AUTHOR, author_attempts, deploy_a_user
from rehearsal.narrator import Narrator
from rehearsal.operator import (
    RUNBOOK,
    children,
    follow,
    forbidden_attempts,
    most_at_once,
    newest_of,
    refusal,
)
from rehearsal.report import Report
from rehearsal.workstation import Workstation
from sandbox import Sandbox

OPERATOR = "AutomationRestrictedOperator"
ROLE = "AutomationServiceRole"
LOG_GROUP = "/aws/events/DelegatedRuns"
OTHER_RUNBOOK = "Some-OtherRunbook"
OTHER_ROLE = "SomeOtherRole"
FLEET = "Restart-WebTier"
_FLEET = ((5, "restart"), (1, "none"))
"""How many instances of the fleet have which value of the tag that the role asks for."""
_REFUSED = "InvalidAutomationExecutionParametersException"
OPEN_RUNBOOK = "Takes-AnyRole"

AUDITOR = "Auditor"
_ADMINISTRATION, _RUNBOOKS, _AUDIT = "AdministrationStack", "RunbooksStack", "AuditStack"
_SCHEDULES = "SchedulesStack"
SCHEDULE_ROLE = "ScheduleRole"
_ASSEMBLY = "cdk.out"
_ADMINISTRATOR, _AUTHOR, _PLAYER = "Administrator", "Author", "Operator"


class Story:
    """Plays the scenes in order; what a scene makes, later scenes use."""

    def __init__(
        self, sandbox: Sandbox, workstation: Workstation, report: Report, narrator: Narrator
    ) -> None:
        self._sandbox = sandbox
        self._workstation = workstation
        self._report = report
        self._narrator = narrator
        self._instances: list[str] = []
        self._keys: dict[str, str] = {}
        self._auditor_keys: dict[str, str] = {}
        self._author_keys: dict[str, str] = {}
        self._password = ""
        self._execution = ""
        self._others = ThreadPoolExecutor(1)
        """What one person has the computer do while another one works."""
        self._next_edition: Future[None]
        self._schedule: Future[None]

    def play(self, *, until_destroyed: bool) -> None:
        """Plays all scenes, the last one (destruction) only if asked for."""
        scenes = [
            (_ADMINISTRATOR, "creates the operator and the service role", self._administer),
            (_AUTHOR, "deploys the runbook that embeds the role", self._deploy_runbooks),
            (_AUTHOR, "tries what they must not", self._overreach_as_author),
            (_ADMINISTRATOR, "launches two instances", self._launch),
            (_PLAYER, "restarts them without access to them", self._operate),
            (_PLAYER, "tries what they must not", self._overreach),
            (AUDITOR, "reads who did what", self._audit),
            (_AUTHOR, "changes the runbook", self._change_runbook),
            (_PLAYER, "restarts a fleet of six, two at a time", self._operate_fleet),
            (_ADMINISTRATOR, "lets a schedule restart it on Sundays", self._let_schedule_start),
        ]
        if until_destroyed:
            scenes.append((_ADMINISTRATOR, "removes everything", self._destroy))
        for number, (person, title, scene) in enumerate(scenes, start=1):
            self._report.scene, self._report.person = number, person
            self._narrator.scene(number, person, title)
            scene()

    def operator_keys(self) -> dict[str, str]:
        """The operator's keys of this run."""
        return self._keys

    def auditor_keys(self) -> dict[str, str]:
        """The auditor's keys of this run."""
        return self._auditor_keys

    def instances(self) -> list[str]:
        """The ids of the two instances."""
        return self._instances

    def _administer(self) -> None:
        with self._narrator.busy("python -m delegation accept"):
            self._workstation.python("-m", "delegation", "accept")
        with self._narrator.busy("cdk bootstrap, cdk synth"):
            bootstrapped = self._others.submit(self._bootstrap)
            self._synthesize()
            bootstrapped.result()
        iam = self._client("iam")
        iam.create_user(UserName=AUTHOR)  # the author holds nothing but the trust of two roles
        self._author_keys = iam.create_access_key(UserName=AUTHOR)["AccessKey"]
        with self._narrator.busy(f"cdk deploy --exclusively {_ADMINISTRATION} {_AUDIT}"):
            self._deploy(_ADMINISTRATION, _AUDIT)
        outputs = self._outputs(_ADMINISTRATION)
        for stack in (_ADMINISTRATION, _AUDIT):
            self._note(f"{stack}'s status", "CREATE_COMPLETE", self._status(stack))
        self._note("output: user name", OPERATOR, outputs.get(f"{OPERATOR}UserName"))
        self._note("output: role", ROLE, _last(outputs.get(f"{ROLE}Arn", "")))
        secret = outputs.get(f"{OPERATOR}PasswordSecret", "")
        value = self._client("secretsmanager").get_secret_value(SecretId=secret)
        self._password = value["SecretString"]
        self._note("length of the generated password", 128, len(self._password))
        profile = iam.get_login_profile(UserName=OPERATOR)["LoginProfile"]
        self._note("to be changed at first sign-in", True, profile["PasswordResetRequired"])

    def _deploy_runbooks(self) -> None:
        before = self._stack(_ADMINISTRATION)
        self._deploy_as_author()
        self._note("stack status", "CREATE_COMPLETE", self._status(_RUNBOOKS))
        untouched = self._stack(_ADMINISTRATION) == before
        self._note("AdministrationStack untouched", True, untouched)
        ssm = self._client("ssm")
        content = json.loads(ssm.get_document(Name=RUNBOOK)["Content"])
        self._note("role that the document embeds", ROLE, _last(content["assumeRole"]))

    def _overreach_as_author(self) -> None:
        attempts = author_attempts(
            self._client, self._author_keys, self._workstation.project / _ASSEMBLY
        )
        for what, attempt in attempts.items():
            happened, message = refusal(attempt)
            self._note(what, "denied", happened, message)
        with self._narrator.busy("an IAM user in RunbooksStack's template"):
            reason = deploy_a_user(self._client, self._author_keys)
        happened = "denied" if "is not authorized to perform: iam:CreateUser" in reason else reason
        self._note("make an IAM user by RunbooksStack", "denied", happened, reason)
        self._next_edition = self._others.submit(self._edit)

    def _launch(self) -> None:
        ec2 = self._client("ec2")
        launched = ec2.run_instances(ImageId="ami-12345678", MinCount=2, MaxCount=2)
        self._instances = [instance["InstanceId"] for instance in launched["Instances"]]
        self._note("states", "running, running", self._states())

    def _operate(self) -> None:
        created = self._client("iam").create_access_key(UserName=OPERATOR)
        self._keys = created["AccessKey"]
        self._change_first_password()
        listed = self._cli(self._keys, "list")
        names = ", ".join(sorted(r["Name"] for r in listed))
        self._note("runbooks listed", f"{RUNBOOK}, {FLEET}", names)
        self._note("default versions", "1, 1", ", ".join(r["DefaultVersion"] for r in listed))
        execution = self._run_runbook()
        self._execution = execution["AutomationExecutionId"]
        self._note("execution", "Success", execution["AutomationExecutionStatus"])
        for step in execution["StepExecutions"]:
            self._note(f"step {step['StepName']}", "Success", step["StepStatus"])
        self._note("states after it", "running, running", self._states())

    def _change_first_password(self) -> None:
        """What the console asks for at the first sign-in."""
        client = self._client("iam", self._keys)
        client.change_password(OldPassword=self._password, NewPassword=secrets.token_urlsafe(24))
        profile = self._client("iam").get_login_profile(UserName=OPERATOR)["LoginProfile"]
        self._note("still to be changed", False, profile["PasswordResetRequired"])

    def _overreach(self) -> None:
        self._make_other_runbooks()
        attempts = forbidden_attempts(
            lambda service: self._client(service, self._keys),
            instances=self._instances,
            role=self._client("iam").get_role(RoleName=ROLE)["Role"]["Arn"],
            other_runbook=OTHER_RUNBOOK,
            open_runbook=OPEN_RUNBOOK,
        )
        for what, attempt in attempts.items():
            happened, message = refusal(attempt)
            self._note(what, "denied", happened, message)
        self._client("iam").delete_user_policy(UserName=OPERATOR, PolicyName=OPEN_RUNBOOK)

    def _audit(self) -> None:
        keys = self._client("iam").create_access_key(UserName=AUDITOR)["AccessKey"]
        self._auditor_keys = keys
        report = self._cli(keys, "audit", self._execution)
        (run,) = report["Executions"]
        self._note("the run was started by", OPERATOR, _last(run["StartedBy"]))
        self._note("on", ", ".join(self._instances), ", ".join(run["Parameters"]["InstanceId"]))
        made = [call for call in run["Calls"] if call["Call"] != "ec2:DescribeInstanceStatus"]
        session = f"{ROLE}/{self._execution}"
        for call, name in zip(made, ("ec2:StopInstances", "ec2:StartInstances"), strict=True):
            self._note("a call of the run", name, call["Call"])
            self._note("it was made by", session, call["By"].split(":assumed-role/")[-1])
        outside = [call["Call"] for call in report["CallsOutsideExecutions"]]
        self._note("calls outside executions", "none", ", ".join(outside) or "none")
        kept = self._client("logs").filter_log_events(logGroupName=LOG_GROUP)["events"]
        states = [
            event["detail"]["Status"]
            for event in (json.loads(one["message"]) for one in kept)
            if event["detail"].get("ExecutionId") == self._execution
        ]
        self._note("states of the run in the log", "Success, Success, Success", ", ".join(states))
        change = refusal(lambda: self._client("ssm", keys).delete_document(Name=RUNBOOK))
        self._note("delete the runbook, as auditor", "denied", *change)

    def _edit(self) -> None:
        """The author's next edition of the runbook, on their computer."""
        document = self._workstation.project / "documents" / f"{RUNBOOK}.json"
        content = json.loads(document.read_text("utf-8"))
        content["description"] = "Restart EC2 instances, second edition"
        document.write_text(json.dumps(content, indent=2), "utf-8")
        self._synthesize()

    def _change_runbook(self) -> None:
        with self._narrator.busy("cdk synth, begun while the others worked"):
            self._next_edition.result()
        self._deploy_as_author()
        self._note("stack status", "UPDATE_COMPLETE", self._status(_RUNBOOKS))
        ssm = self._client("ssm", self._keys)
        versions = {
            version["DocumentVersion"]: version["IsDefaultVersion"]
            for version in ssm.list_document_versions(Name=RUNBOOK)["DocumentVersions"]
        }
        self._note("versions", "1, 2", ", ".join(sorted(versions)))
        self._note("version 2 is the default", True, versions.get("2"))
        execution = self._run_runbook("--document-version", "1")
        self._note("version that still runs", "1", execution["DocumentVersion"])
        self._note("its execution", "Success", execution["AutomationExecutionStatus"])
        with self._narrator.busy("aws ssm start-automation-execution"):
            started = self._start_as_the_output_says()
        execution = follow(ssm, started)
        self._note("version that the stack's output starts", "2", execution["DocumentVersion"])
        self._note("its execution", "Success", execution["AutomationExecutionStatus"])

    def _operate_fleet(self) -> None:
        """Six instances of the fleet's tag, of which one lacks the tag that the role asks for."""
        self._schedule = self._others.submit(self._deploy, _SCHEDULES)
        ec2, ssm = self._client("ec2"), self._client("ssm")
        allowed, denied = (self._launch_tagged(number, access) for number, access in _FLEET)
        execution = self._cli(self._keys, "run", FLEET)
        self._note("execution", "Success", execution["AutomationExecutionStatus"])
        (parent,) = children(ssm, execution["AutomationExecutionId"])
        targets = children(ssm, parent["AutomationExecutionId"])
        by_status: dict[str, list[str]] = {"Success": [], "Failed": []}
        for each in targets:
            by_status[each["AutomationExecutionStatus"]].append(each["Target"])
        done, failed = (sorted(found) for found in by_status.values())
        self._note("targets that were restarted", ", ".join(sorted(allowed)), ", ".join(done))
        self._note("the target without the role's tag", ", ".join(denied), ", ".join(failed))
        self._note("targets at once, at most", 2, most_at_once(targets))
        states = ec2.describe_instances(InstanceIds=[*allowed, *denied])["Reservations"]
        running = [i for r in states for i in r["Instances"] if i["State"]["Name"] == "running"]
        self._note("instances that run after it", 6, len(running))
        operator = self._client("ssm", self._keys)
        multiplied = {
            "TargetParameterName": "InstanceId",
            "Targets": [{"Key": "ParameterValues", "Values": denied}],
        }
        for what, expected, given in (
            ("start what runs for a target", "denied", {"DocumentName": f"{FLEET}-Target"}),
            ("choose the targets", _REFUSED, {"DocumentName": FLEET, **multiplied}),
        ):
            attempt = partial(operator.start_automation_execution, **given)
            happened, message = refusal(attempt)
            self._note(what, expected, happened, message)

    def _let_schedule_start(self) -> None:
        """A week goes by on the clock of EventBridge Scheduler."""
        with self._narrator.busy(f"cdk deploy --exclusively {_SCHEDULES}, begun before"):
            self._schedule.result()
        self._note("stack status", "CREATE_COMPLETE", self._status(_SCHEDULES))
        (listed,) = self._cli(self._keys, "schedules")
        self._note("what the operator sees of it", FLEET, listed["Runbook"])
        self._note("when it starts, as they see it", "cron(0 3 ? * SUN *)", listed["Expression"])
        ssm = self._client("ssm")
        started = self._sandbox.move_scheduler_clock(timedelta(days=7))
        self._note("starts in a week", 1, started)
        execution = follow(ssm, newest_of(ssm, FLEET))
        by = execution["ExecutedBy"].split(":assumed-role/")[-1].split("/")[0]
        self._note("it was started by", SCHEDULE_ROLE, by)
        self._note("execution", "Success", execution["AutomationExecutionStatus"])
        self._change_schedule(listed["Name"])

    def _change_schedule(self, name: str) -> None:
        """What the operator must not be able to do to a schedule."""
        scheduler = self._client("scheduler", self._keys)
        named = {"Name": name, "GroupName": "DelegatedRunbooks"}
        found = scheduler.get_schedule(**named)
        given = {key: found[key] for key in ("ScheduleExpression", "FlexibleTimeWindow", "Target")}
        for what, attempt in (
            ("pause the schedule", partial(scheduler.update_schedule, State="DISABLED")),
            ("make one of their own", scheduler.create_schedule),
        ):
            happened, message = refusal(partial(attempt, **named, **given))
            self._note(what, "denied", happened, message)

    def _launch_tagged(self, number: int, access: str) -> list[str]:
        tags = [{"Key": "Tier", "Value": "web"}, {"Key": "RunbookAccess", "Value": access}]
        launched = self._client("ec2").run_instances(
            ImageId="ami-12345678",
            MinCount=number,
            MaxCount=number,
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
        )
        return [instance["InstanceId"] for instance in launched["Instances"]]

    def _destroy(self) -> None:
        iam = self._client("iam")
        # What was made by hand stands in the way of a deletion, here as on AWS: the keys.
        iam.delete_access_key(UserName=OPERATOR, AccessKeyId=self._keys["AccessKeyId"])
        iam.delete_access_key(UserName=AUDITOR, AccessKeyId=self._auditor_keys["AccessKeyId"])
        iam.delete_access_key(UserName=AUTHOR, AccessKeyId=self._author_keys["AccessKeyId"])
        iam.delete_user(UserName=AUTHOR)
        with self._narrator.busy("cdk destroy --all"):
            self._workstation.cdk("destroy", "--all", "--force", "--app", _ASSEMBLY)
        ours = [
            *(u["UserName"] for u in iam.list_users()["Users"]),
            *(g["GroupName"] for g in iam.list_groups()["Groups"]),
            *(p["PolicyName"] for p in iam.list_policies(Scope="Local")["Policies"]),
            *(
                r["RoleName"]
                for r in iam.list_roles()["Roles"]
                if r["RoleName"].startswith((ROLE, "Author", "WebTier", FLEET, SCHEDULE_ROLE))
            ),
            *(s["Name"] for s in self._client("secretsmanager").list_secrets()["SecretList"]),
            *(
                d["Name"]
                for d in self._client("ssm").list_documents()["DocumentIdentifiers"]
                if d["Name"] not in (OTHER_RUNBOOK, OPEN_RUNBOOK)
            ),
        ]
        self._note("what is left of ours", "nothing", ", ".join(ours) or "nothing")

    def _bootstrap(self) -> None:
        """Outside the project, whose assembly it does not need."""
        account = self._client("sts").get_caller_identity()["Account"]
        region = self._sandbox.environment()["AWS_REGION"]
        self._workstation.cdk(
            "bootstrap", f"aws://{account}/{region}", folder=self._workstation.logs
        )

    def _synthesize(self) -> None:
        """One assembly for the commands that follow: what was synthesized is what is deployed."""
        self._workstation.cdk("synth", "--quiet", "--output", _ASSEMBLY)

    def _deploy_as_author(self) -> None:
        with self._narrator.busy(f"cdk deploy --exclusively {_RUNBOOKS}"):
            self._deploy(_RUNBOOKS, keys=self._author_keys)

    def _deploy(self, *stacks: str, keys: dict[str, str] | None = None) -> None:
        """``cdk deploy`` of these stacks alone, as the administrator or with these keys."""
        self._workstation.cdk(
            *("deploy", "--exclusively", *stacks, "--app", _ASSEMBLY),
            *("--require-approval", "never"),
            environment=self._sandbox.environment(keys) if keys else None,
        )

    def _cli(self, keys: dict[str, str], *arguments: str) -> Any:
        """What a command of the operator CLI prints for the holder of these keys."""
        with self._narrator.busy(f"python -m operate {' '.join(arguments[:2])}"):
            printed = self._workstation.python(
                *("-m", "operate", *arguments, "--output", "json"),
                environment=self._sandbox.environment(keys),
            )
        return json.loads(printed)

    def _run_runbook(self, *options: str) -> Any:
        """The execution of the runbook on both instances, at its end."""
        return self._cli(self._keys, "run", RUNBOOK, "--instance-id", *self._instances, *options)

    def _start_as_the_output_says(self) -> str:
        """Starts the runbook by the command of the stack's output, as the operator."""
        command = self._outputs(_RUNBOOKS)["RunRestartEC2InstanceDemo"]
        values = json.dumps(self._instances, separators=(",", ":"))
        program, *arguments = shlex.split(
            command.replace("InstanceId=...", f"InstanceId='{values}'")
        )
        assert program == "aws"
        printed = self._workstation.aws(
            *arguments, environment=self._sandbox.environment(self._keys)
        )
        return str(json.loads(printed)["AutomationExecutionId"])

    def _make_other_runbooks(self) -> None:
        """A document of somebody else, with a stronger role, that the operator is not given; and
        one that runs with whatever role its starter passes, which they may start in this scene."""
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "ssm.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        iam, ssm = self._client("iam"), self._client("ssm")
        role = iam.create_role(RoleName=OTHER_ROLE, AssumeRolePolicyDocument=json.dumps(trust))
        content = {
            "schemaVersion": "0.3",
            "assumeRole": role["Role"]["Arn"],
            "mainSteps": [{"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}],
        }
        takes_any = {
            **content,
            "assumeRole": "{{ Role }}",
            "parameters": {"Role": {"type": "AWS::IAM::Role::Arn"}},
        }
        for name, text in ((OTHER_RUNBOOK, content), (OPEN_RUNBOOK, takes_any)):
            ssm.create_document(Name=name, DocumentType="Automation", Content=json.dumps(text))
        region, account = (
            self._sandbox.environment()["AWS_REGION"],
            role["Role"]["Arn"].split(":")[4],
        )
        may_start = {
            "Effect": "Allow",
            "Action": "ssm:StartAutomationExecution",
            "Resource": f"arn:aws:ssm:{region}:{account}:document/{OPEN_RUNBOOK}",
        }
        iam.put_user_policy(
            UserName=OPERATOR,
            PolicyName=OPEN_RUNBOOK,
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [may_start]}),
        )

    def _states(self) -> str:
        answer = self._client("ec2").describe_instances(InstanceIds=self._instances)
        return ", ".join(
            instance["State"]["Name"]
            for reservation in answer["Reservations"]
            for instance in reservation["Instances"]
        )

    def _stack(self, name: str) -> tuple[Any, Any]:
        stack = self._client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        return stack["StackStatus"], stack.get("LastUpdatedTime")

    def _status(self, name: str) -> str:
        return str(self._stack(name)[0])

    def _outputs(self, name: str) -> dict[str, str]:
        stack = self._client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}

    def _client(self, service: str, keys: dict[str, str] | None = None) -> Any:
        return self._sandbox.client(service, keys)

    def _note(self, what: str, expected: object, happened: object, detail: str = "") -> None:
        self._report.note(what, expected=expected, happened=happened, detail=detail)


def _last(arn: str) -> str:
    """The name at the end of an ARN."""
    return arn.rsplit("/", 1)[-1]
