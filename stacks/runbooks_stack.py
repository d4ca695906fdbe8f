"""RunbooksStack: the approved runbooks of a deployment, one per Region, the author's."""

import json
from collections.abc import Mapping

from aws_cdk import Aws, CfnMapping, CfnOutput, Environment, Fn
from constructs import Construct

from aws_facts.partitions import CONSOLE_HOSTS
from delegation import names
from delegation.deployment.deployment import Deployment
from delegation.deployment.limits import required_parameters
from delegation.policies.quotas import STACK_OUTPUTS
from delegation.runbooks.runbook import Runbook
from stacks.deployment_stack import DeploymentStack
from stacks.runbook_document import RunbookDocument
from stacks.synthesizers import author_synthesizer

DOCUMENTS_AT_A_TIME = 5
"""How many documents CloudFormation creates at once: SSM throttles more.
Source: aws-solutions/automated-security-response-on-aws, issues 66 and 74."""


class RunbooksStack(DeploymentStack):
    """One SSM document per runbook, and how to start each."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        runbooks: Mapping[str, Runbook],
        env: Environment | None = None,
    ) -> None:
        super().__init__(
            scope,
            id_,
            name=names.RUNBOOKS_STACK,
            purpose="approved runbooks",
            deployment=deployment,
            env=env,
            synthesizer=author_synthesizer(scope, deployment.naming)
            if deployment.has_author_roles
            else None,
        )
        self.documents = self._build_documents(deployment, runbooks)
        self._build_outputs(
            {
                name: _start_command(
                    name,
                    required_parameters(runbooks[name], role),
                    team.execution_tag if deployment.own_executions else "",
                )
                for team in deployment.teams
                for role in team.service_roles
                for name in role.runbooks
            }
        )

    def _build_documents(
        self, deployment: Deployment, runbooks: Mapping[str, Runbook]
    ) -> list[RunbookDocument]:
        """The documents, each after the fifth before it: five chains, five at a time."""
        documents: list[RunbookDocument] = []
        for role, team, name in (
            (each, of, named)
            for of in deployment.teams
            for each in of.service_roles
            for named in each.documents
        ):
            document = RunbookDocument(
                self,
                names.construct_id(name),
                runbook=runbooks[name],
                service_role=role,
                naming=deployment.naming,
                partition=deployment.partition,
                team=team.name,
                of_executions=team.execution_tag
                if deployment.own_executions and name in role.runbooks
                else "",
                fleet=next((f.name for f in role.fleets if f.target_name == name), ""),
            )
            if len(documents) >= DOCUMENTS_AT_A_TIME:
                document.add_resource_dependency(documents[-DOCUMENTS_AT_A_TIME])
            documents.append(document)
        return documents

    def _build_outputs(self, commands: Mapping[str, str]) -> None:
        """How to run each runbook, by a command and in the console; one form for all where a
        template cannot hold so many outputs."""
        hosts = CfnMapping(
            self,
            "Console",
            mapping={partition: {"Host": host} for partition, host in CONSOLE_HOSTS.items()},
        )
        host = hosts.find_in_map(Aws.PARTITION, "Host")
        if 2 * len(commands) > STACK_OUTPUTS:
            what = f"each of the {len(commands)} runbooks"
            team = "TEAM" if "--tags" in next(iter(commands.values())) else ""
            command = _start_command("NAME", ("PARAMETER",), team)
            self._build_ways(host, "Runbook", "NAME", command, what)
            return
        for name, command in commands.items():
            self._build_ways(host, names.construct_id(name), name, command, name)

    def _build_ways(self, host: str, id_: str, name: str, command: str, what: str) -> None:
        CfnOutput(
            self,
            f"Run{id_}",
            value=Fn.sub(command),
            description=f"How to run {what}",
        )
        page = f"${{Host}}/systems-manager/automation/execute/{name}"
        CfnOutput(
            self,
            f"Open{id_}",
            value=Fn.sub(
                f"https://${{AWS::Region}}.{page}?region=${{AWS::Region}}", {"Host": host}
            ),
            description=f"Where to run {what} in the console",
        )


def _start_command(name: str, parameters: tuple[str, ...], team: str) -> str:
    """The AWS CLI's command that starts a runbook, with tags where its operators' executions have
    the team's. Its short form is for one parameter of one text: several are given as JSON."""
    command = (
        "aws ssm start-automation-execution --region ${AWS::Region} "
        f"--document-name {name} --document-version '$DEFAULT'"
    )
    if team:
        starter = "$(aws sts get-caller-identity --query UserId --output text)"
        command += f" --tags Key=StartedBy,Value={starter} Key=OperatorTeam,Value={team}"
    if not parameters:
        return command
    if len(parameters) == 1:
        return f"{command} --parameters {parameters[0]}=..."
    given = json.dumps({parameter: ["..."] for parameter in parameters}, separators=(",", ":"))
    return f"{command} --parameters '{given}'"
