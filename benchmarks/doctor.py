"""``python -m benchmarks.doctor ASSEMBLY``: the doctor's questions about 2,000 foreign roles."""

import sys
from pathlib import Path
from typing import Any

from account.expected import Expected
from account.live_iam import Identity, LiveIam, ManagedPolicy
from account.reach.others import check_others
from account.reach.questions import questions
from benchmarks.measure import Command
from benchmarks.projects import PROJECT
from review.iam.engine import Engine
from review.model.account_reader import read_accounts
from review.templates.assembly import given_environment, read_templates
from review.templates.resources import read_resources

ROLES = 2000
_POLICIES = 200
_ACCOUNT = "111122223333"
_POWERS = (
    ["s3:*", "ec2:Describe*"],
    ["ssm:*"],
    ["iam:PassRole", "ec2:*"],
    ["logs:*", "cloudwatch:*"],
    ["ssm:StartAutomationExecution", "ssm:GetAutomationExecution"],
    ["cloudformation:*"],
    ["iam:*"],
    ["dynamodb:*"],
)


def questions_about_roles(assembly: Path) -> Command:
    """The command of the benchmark, on a folder with an assembly."""
    return Command(
        name="doctor",
        arguments=(sys.executable, "-m", "benchmarks.doctor", str(assembly)),
        folder=PROJECT,
        environment={},
    )


def main(assembly: Path) -> None:
    """Asks all questions about all roles."""
    templates = read_templates(assembly, given_environment(account=_ACCOUNT))
    (account,) = read_accounts(templates)
    expected = Expected(
        templates=templates, bodies={}, resources=read_resources(templates), account=account
    )
    live = _live()
    with Engine() as engine:
        found = list(check_others(engine, live, expected, questions(expected, live), ()))
    print(f"{len(found)} of {ROLES} roles reach the deployment")


def _live() -> LiveIam:
    arn = f"arn:aws:iam::{_ACCOUNT}"
    identities = {
        ("role", f"Role{number}"): Identity(
            kind="role",
            name=f"Role{number}",
            arn=f"{arn}:role/Role{number}",
            attached=frozenset([f"{arn}:policy/Policy{number % _POLICIES}"]),
            inline={"Own": _document(number)},
        )
        for number in range(ROLES)
    }
    policies = {
        f"{arn}:policy/Policy{number}": ManagedPolicy(
            arn=f"{arn}:policy/Policy{number}", version="v1", document=_document(number * 3)
        )
        for number in range(_POLICIES)
    }
    return LiveIam(identities, policies)


def _document(number: int) -> dict[str, Any]:
    """A policy of three statements, one of which may reach the deployment."""
    on = "*" if number % 3 else f"arn:aws:ssm:*:*:document/Team{number}*"
    statements = [
        {"Effect": "Allow", "Action": _POWERS[number % len(_POWERS)], "Resource": on},
        {"Effect": "Allow", "Action": ["sqs:*"], "Resource": f"arn:aws:sqs:*:*:queue{number}"},
        {"Effect": "Deny", "Action": "iam:DeleteRole", "Resource": "*"},
    ]
    return {"Version": "2012-10-17", "Statement": statements}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
