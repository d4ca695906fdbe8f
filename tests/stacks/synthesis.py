"""Templates of deployments, without a file written."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from aws_cdk import App, Stack
from aws_cdk.assertions import Template

from delegation.configuration import Configuration
from delegation.deployment.people import Person
from delegation.model import Approval, Deployment, IamUser, ServiceRole
from delegation.runbooks.fleet_documents import runbook_files_of
from delegation.runbooks.runbook import Runbook, load_runbooks
from stacks.deployment_stacks import add_stacks

RUNBOOK = "Restart-EC2InstanceDemo"
OPERATOR = IamUser("AutomationRestrictedOperator")
ROLE = ServiceRole(name="AutomationServiceRole", runbooks=(RUNBOOK,))


def deployment(**changes: Any) -> Deployment:
    """The default deployment with some fields changed."""
    return Deployment(**{"operators": (OPERATOR,), "service_roles": (ROLE,), **changes})


def approved_by(*people: Person) -> ServiceRole:
    """The default service role, whose runs these people approve."""
    return replace(ROLE, approval=Approval(by=people))


def of_many_runbooks(count: int, **changes: Any) -> tuple[Deployment, dict[str, Runbook]]:
    """A deployment of copies of the project's runbook under other names."""
    source = load_runbooks([RUNBOOK])[RUNBOOK]
    names = tuple(f"Restart-Fleet{number:03d}" for number in range(count))
    role = ServiceRole(name="AutomationServiceRole", runbooks=names)
    return deployment(service_roles=(role,), **changes), {n: replace(source, name=n) for n in names}


def app_of(
    *deployments: Deployment,
    runbooks: dict[str, Runbook] | None = None,
    folder: Path | None = None,
    context: Mapping[str, Any] | None = None,
) -> App:
    """An app with the stacks of these deployments, without cdk-nag, for an assembly in a folder.

    Runbooks are those of documents/ unless given.
    """
    app = App(analytics_reporting=False, context=context, outdir=str(folder) if folder else None)
    named = dict.fromkeys(name for d in deployments for name in runbook_files_of(d))
    add_stacks(
        app, Configuration(deployments=deployments, runbooks=runbooks or load_runbooks(named))
    )
    return app


def written(wanted: Deployment, folder: Path, context: Mapping[str, Any] | None = None) -> Path:
    """The folder with a deployment's cloud assembly."""
    app_of(wanted, folder=folder, context=context).synth()
    return folder


def template(
    stack: str, *deployments: Deployment, runbooks: dict[str, Runbook] | None = None
) -> dict[str, Any]:
    """The template of a stack of these deployments."""
    found = app_of(*deployments, runbooks=runbooks).node.find_child(stack)
    assert isinstance(found, Stack)
    return dict(Template.from_stack(found).to_json())


def resources(json: dict[str, Any], type_: str) -> list[dict[str, Any]]:
    """The properties of every resource of a type."""
    return [r["Properties"] for r in json["Resources"].values() if r["Type"] == type_]


def policy(json: dict[str, Any], name: str) -> dict[str, Any]:
    """The properties of the managed policy of that name."""
    (found,) = [
        p for p in resources(json, "AWS::IAM::ManagedPolicy") if p["ManagedPolicyName"] == name
    ]
    return found


def logical_id(json: dict[str, Any], type_: str) -> str:
    """The logical id of the one resource of a type."""
    (found,) = [id_ for id_, r in json["Resources"].items() if r["Type"] == type_]
    return str(found)
