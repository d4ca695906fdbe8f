"""The shipped runbooks, deployed and run under the boundary that is derived from their steps.

Each of its grants is taken away in turn: without it, some scenario must come out otherwise.
"""

import json
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest

from delegation.model import ServiceRole
from delegation.runbooks.runbook import runbook_files
from sandbox import Sandbox
from tests.clone import EXAMPLE
from tests.documents.scenarios import SCENARIOS, Scenario, World
from tests.stacks.deployed import deploy, remove
from tests.stacks.synthesis import deployment

pytestmark = pytest.mark.sandbox

_REGION = "eu-central-1"
_BOUNDARY = "arn:aws:iam::000000000000:policy/RunnerBoundary"

Policy = dict[str, Any]
Record = Callable[[str, object], None]


class Rehearsal:
    """One runbook with its service role, deployed."""

    def __init__(self, sandbox: Sandbox, runbook: str) -> None:
        self._sandbox, self._runbook = sandbox, runbook
        self._iam = sandbox.client("iam")
        self._ssm = sandbox.client("ssm", region=_REGION)
        self.boundary: Policy = self._iam.get_policy_version(PolicyArn=_BOUNDARY, VersionId="v1")[
            "PolicyVersion"
        ]["Document"]

    def grants(self) -> Iterator[tuple[int, str]]:
        """Every action of every statement of the boundary."""
        for index, statement in enumerate(self.boundary["Statement"]):
            for action in statement["Action"]:
                yield index, action

    def kind(self, index: int) -> str:
        """What a statement is on: the last part of its ARNs, or ``*``."""
        return str(self.boundary["Statement"][index]["Resource"][0].rsplit(":", 1)[-1])

    def without(self, index: int, action: str) -> Policy:
        """The boundary without one action of one statement."""
        rest = deepcopy(self.boundary)
        rest["Statement"][index]["Action"].remove(action)
        rest["Statement"] = [statement for statement in rest["Statement"] if statement["Action"]]
        return rest

    def is_as_it_should_be(self, scenario: Scenario, boundary: Policy) -> bool:
        """Whether a scenario comes out under a boundary as it says."""
        self._bound(boundary, scenario.denied)
        world = World(self._sandbox, _REGION)
        scenario.prepare(world)
        given = scenario.parameters(world)
        run = self._run({"InstanceId": [world.instance], **given})
        succeeded = run["AutomationExecutionStatus"] == "Success"
        return (
            succeeded == scenario.succeeds
            and scenario.says in run.get("FailureMessage", "")
            and scenario.leaves(world, run)
        )

    def _bound(self, boundary: Policy, denied: tuple[str, ...]) -> None:
        document = deepcopy(boundary)
        if denied:
            document["Statement"].append(
                {"Effect": "Deny", "Action": list(denied), "Resource": "*"}
            )
        for version in self._iam.list_policy_versions(PolicyArn=_BOUNDARY)["Versions"]:
            if not version["IsDefaultVersion"]:
                self._iam.delete_policy_version(PolicyArn=_BOUNDARY, VersionId=version["VersionId"])
        self._iam.create_policy_version(
            PolicyArn=_BOUNDARY, PolicyDocument=json.dumps(document), SetAsDefault=True
        )

    def _run(self, parameters: dict[str, list[str]]) -> dict[str, Any]:
        execution_id = self._ssm.start_automation_execution(
            DocumentName=self._runbook, Parameters=parameters
        )["AutomationExecutionId"]
        for _ in range(1000):
            answer = self._ssm.get_automation_execution(AutomationExecutionId=execution_id)
            run: dict[str, Any] = answer["AutomationExecution"]
            if "ExecutionEndTime" in run:
                return run
            time.sleep(0.02)
        raise AssertionError(f"{self._runbook} has not ended: {run}")


@pytest.fixture
def rehearsal(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[Rehearsal]:
    """The runbook of the test's parameter, deployed for the test."""
    role = ServiceRole(name="Runner", runbooks=(request.param,))
    limited = deployment(service_roles=(role,))
    for stack in ("AdministrationStack", "RunbooksStack"):
        deploy(sandbox, _REGION, stack, limited)
    yield Rehearsal(sandbox, request.param)
    for stack in ("RunbooksStack", "AdministrationStack"):
        remove(sandbox, _REGION, stack)


def test_every_shipped_runbook_is_rehearsed() -> None:
    assert SCENARIOS.keys() == runbook_files(EXAMPLE / "documents").keys()


@pytest.mark.parametrize("rehearsal", SCENARIOS, indirect=True)
def test_derived_needs_suffice_and_each_is_necessary(
    rehearsal: Rehearsal, request: pytest.FixtureRequest, record_property: Record
) -> None:
    runbook = request.node.callspec.params["rehearsal"]
    scenarios = SCENARIOS[runbook]

    wrong = [s.name for s in scenarios if not rehearsal.is_as_it_should_be(s, rehearsal.boundary)]
    broken = {
        (index, action): next(
            (
                scenario.name
                for scenario in scenarios
                if not rehearsal.is_as_it_should_be(scenario, rehearsal.without(index, action))
            ),
            None,
        )
        for index, action in rehearsal.grants()
    }

    for (index, action), name in broken.items():
        record_property("needs", (runbook, action, rehearsal.kind(index), name))
    assert wrong == []
    assert [grant for grant, name in broken.items() if name is None] == []
