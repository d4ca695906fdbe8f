"""The engine, once, and the templates of three deployments, read as the command reads them."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from delegation.model import (
    Approval,
    Audit,
    Deployment,
    ExistingRole,
    Fleet,
    GitHubPipeline,
    IamUser,
    Profile,
    Schedule,
    ServiceRole,
)
from review.iam.engine import Engine
from review.templates.assembly import Template, read_templates
from review.templates.intrinsics import Environment
from tests.stacks.synthesis import deployment, written

ENVIRONMENT = Environment(account="111122223333", region="us-east-1", partition="aws")
AUTHOR = "arn:aws:iam::111122223333:user/author"

DEFAULT = deployment()
GUIDE = deployment(profile=Profile.GUIDE)
EVERYTHING = deployment(
    audit=Audit(auditors=(IamUser("auditor"), ExistingRole("Auditors"))),
    account="111122223333",
    regions=("eu-west-1",),
    operators=(IamUser("AutomationRestrictedOperator"), ExistingRole("OnCall")),
    authors=(AUTHOR,),
    service_roles=(
        ServiceRole(
            name="AutomationServiceRole",
            runbooks=("Restart-EC2InstanceDemo",),
            volume_keys=("arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d",),
            only_instances_tagged=("Automation", "allowed"),
            at_most_instances=5,
            approval=Approval(by=(IamUser("lead"), ExistingRole("Leads")), at_least=1),
            calendar="ProductionChanges",
        ),
        ServiceRole(name="AutomationImageRole", runbooks=("Backup-EC2Instance",)),
    ),
)

WITH_PIPELINE = deployment(
    account="111122223333",
    regions=("eu-west-1", "us-east-1"),
    pipeline=GitHubPipeline(repositories=("octo-org/runbooks",)),
)

FLEETS = deployment(
    account="111122223333",
    regions=("eu-west-1",),
    service_roles=(
        ServiceRole(
            name="AutomationServiceRole",
            only_instances_tagged=("Automation", "allowed"),
            fleets=(
                Fleet(
                    name="WebTier",
                    runbook="Restart-EC2InstanceDemo",
                    at_once="10%",
                    errors_allowed=1,
                    alarm="web-5xx",
                    approval=Approval(by=(IamUser("lead"),)),
                    calendar="Nights",
                ),
            ),
        ),
    ),
)

SCHEDULED = replace(
    FLEETS,
    service_roles=(
        ServiceRole(
            name="AutomationServiceRole",
            fleets=(
                Fleet(
                    name="WebTier",
                    runbook="Restart-EC2InstanceDemo",
                    instances_tagged=("Tier", "web"),
                ),
            ),
        ),
    ),
    schedules=(
        Schedule(
            name="Nightly",
            starts="WebTier",
            at="cron(0 3 * * ? *)",
            time_zone="Europe/Berlin",
            begins="2027-01-01T00:00:00Z",
            ends="2028-01-01T00:00:00Z",
        ),
    ),
)

RELEASING = deployment(
    service_roles=(ServiceRole(name="AutomationServiceRole", runbooks=("Release-EC2Instance",)),)
)

Templates = tuple[Template, ...]
Synthesize = Callable[[Deployment], Templates]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks the engine counts as a command: it starts a process of its own."""
    for item in items:
        if {"engine", "small_engine"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.command)


@pytest.fixture(scope="session")
def default_with_author() -> Deployment:
    """The default deployment with one author."""
    return deployment(authors=(AUTHOR,))


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A running engine."""
    with Engine() as running:
        yield running


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Synthesize:
    """Writes a deployment's cloud assembly and reads its templates; each deployment once."""
    known: dict[Deployment, Templates] = {}

    def templates(wanted: Deployment) -> Templates:
        if wanted not in known:
            known[wanted] = read_templates(
                written(wanted, tmp_path_factory.mktemp("out")), ENVIRONMENT
            )
        return known[wanted]

    return templates
