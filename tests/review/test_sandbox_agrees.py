"""The sandbox agrees: each decision of each invariant, requested from a running account."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from review.access.evaluation import Decision
from review.access_review import review
from review.iam.engine import Engine
from review.templates.assembly import read_templates
from review.templates.intrinsics import Environment
from sandbox import Sandbox
from tests.review.calls import call_of, is_allowed, passes_role, why_not_askable
from tests.stacks.deployed import deploy
from tests.stacks.synthesis import deployment, written

pytestmark = pytest.mark.sandbox

_ACCOUNT, _REGION = "000000000000", "us-east-1"
_IAM = f"arn:aws:iam::{_ACCOUNT}"
_DEPLOYMENT = deployment(authors=(f"{_IAM}:user/author",))
_PASS_ROLE = "iam:PassRole"
"""Asked by what passes a role. The emulator has nothing that passes one to EC2: there, its
simulation of the principal's policies is asked, which takes condition keys for absent."""

_EMULATOR_ERRS = [
    # It takes a service that a trust policy names for the root of its own account; on AWS, root
    # assumes no role at all.
    (f"{_IAM}:root", "sts:AssumeRole", f"{_IAM}:role/AuthorExecutionRole", (), "review", False),
]
Keys = dict[str, str]


@pytest.fixture(scope="module")
def account() -> Iterator[Sandbox]:
    """An account of its own, with both stacks, an author and CDK's staging bucket."""
    with Sandbox() as running:
        running.client("iam").create_user(UserName="author")
        bucket = f"cdk-hnb659fds-assets-{_ACCOUNT}-{_REGION}"
        running.client("s3").create_bucket(Bucket=bucket)
        for stack in ("AdministrationStack", "RunbooksStack"):
            deploy(running, _REGION, stack, _DEPLOYMENT)
        yield running


@pytest.fixture(scope="module")
def decisions(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> tuple[Decision, ...]:
    """Every decision of every invariant about the same deployment."""
    folder: Path = written(_DEPLOYMENT, tmp_path_factory.mktemp("out"))
    environment = Environment(account=_ACCOUNT, region=_REGION, partition="aws")
    (reviewed,) = review(engine, read_templates(folder, environment)).accounts
    found = {decision for invariant in reviewed.invariants for decision in invariant.decisions}
    # What deletes comes last, so that everything else finds what it asks about.
    return tuple(sorted(found, key=lambda d: ("Delete" in d.action, d.who, d.action, d.resource)))


@pytest.fixture(scope="module")
def keys(account: Sandbox) -> dict[str, Keys]:
    """Keys of every person and sessions of every role, by ARN."""
    iam = account.client("iam")
    found: dict[str, Keys] = {
        f"{_IAM}:user/{user}": iam.create_access_key(UserName=user)["AccessKey"]
        for user in ("AutomationRestrictedOperator", "author")
    }
    author = account.client("sts", found[f"{_IAM}:user/author"])
    for role in ("AuthorDeploymentRole", "AuthorPublishingRole"):
        arn = f"{_IAM}:role/{role}"
        found[arn] = author.assume_role(RoleArn=arn, RoleSessionName="asking")["Credentials"]
    for role in ("AuthorExecutionRole", "AutomationServiceRole"):
        found[f"{_IAM}:role/{role}"] = _session_of_a_services_role(account, role)
    return found


def _session_of_a_services_role(account: Sandbox, role: str) -> Keys:
    """A session of a role that only a service may assume: trusted to the root for a moment."""
    iam = account.client("iam")
    trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    root = {"Effect": "Allow", "Principal": {"AWS": f"{_IAM}:root"}, "Action": "sts:AssumeRole"}
    opened = {"Version": "2012-10-17", "Statement": [root]}
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(opened))
    arn = f"{_IAM}:role/{role}"
    answer = account.client("sts").assume_role(RoleArn=arn, RoleSessionName="asking")
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))
    credentials: Keys = answer["Credentials"]
    return credentials


def _asked(account: Sandbox, keys: dict[str, Keys], decision: Decision) -> bool:
    """What the account says to a decision."""
    own = keys.get(decision.who)
    assert own is not None or decision.who == f"{_IAM}:root", decision.who

    def client(service: str, region: str) -> Any:
        return account.client(service, own, region=region)

    if decision.action != _PASS_ROLE:
        return is_allowed(call_of(decision, client))
    call = passes_role(decision, client)
    return _simulated(account, decision) if call is None else is_allowed(call)


def _simulated(account: Sandbox, decision: Decision) -> bool:
    answer = account.client("iam").simulate_principal_policy(
        PolicySourceArn=decision.who,
        ActionNames=[decision.action],
        ResourceArns=[decision.resource],
    )
    (result,) = answer["EvaluationResults"]
    return bool(result["EvalDecision"] == "allowed")


def test_automation_is_let_in_by_the_trust_that_the_review_read(
    account: Sandbox, keys: dict[str, Keys]
) -> None:
    """The one decision about a service that can be seen: a run begins under the role."""
    instance = account.client("ec2").run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)
    ids = [each["InstanceId"] for each in instance["Instances"]]
    operator = account.client("ssm", keys[f"{_IAM}:user/AutomationRestrictedOperator"])

    started = operator.start_automation_execution(
        DocumentName="Restart-EC2InstanceDemo", Parameters={"InstanceId": ids}
    )

    execution = operator.get_automation_execution(
        AutomationExecutionId=started["AutomationExecutionId"]
    )["AutomationExecution"]
    assert execution["ExecutedBy"] == f"{_IAM}:user/AutomationRestrictedOperator"
    assert execution["AutomationExecutionStatus"] in ("Pending", "InProgress", "Success")


def test_account_decides_as_the_review_does(
    account: Sandbox,
    keys: dict[str, Keys],
    decisions: tuple[Decision, ...],
    record_property: Callable[[str, object], None],
) -> None:
    askable = [decision for decision in decisions if why_not_askable(decision) is None]

    differing = [
        (d.who, d.action, d.resource, d.context, "review", d.allowed)
        for d in askable
        if _asked(account, keys, d) != d.allowed
    ]

    assert differing == _EMULATOR_ERRS
    assert len({d.allowed for d in askable}) == 2
    record_property(
        "proof",
        f"decisions: {len(askable)} asked of the sandbox, alike but for "
        f"{len(differing)} where the emulator errs; {len(decisions) - len(askable)} that no call "
        "asks for",
    )


def test_what_cannot_be_asked_says_why(decisions: tuple[Decision, ...]) -> None:
    silent = {d for d in decisions if why_not_askable(d) is not None}

    assert {why_not_askable(d) for d in silent} == {
        "an execution without a role asks, not a call",
        "a service assumes a role by itself, for what it does, not when asked",
        "the call names an id, never the account that it is in",
        "a start is authorized on its document's definition together with the document",
        "a start is authorized on its execution together with the document",
        "the call is about the own password and names no user",
    }
    assert len(silent) < len(decisions) / 5
