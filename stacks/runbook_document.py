"""RunbookDocument: an approved runbook as an SSM document that embeds its service role."""

from aws_cdk import aws_ssm as ssm
from constructs import Construct

from delegation.deployment.limit_tags import tags_in_words
from delegation.deployment.limits import deployed_content
from delegation.deployment.service_roles import ServiceRole
from delegation.names import Naming
from delegation.runbooks.document_tags import document_tags
from delegation.runbooks.runbook import Runbook

_TYPE, _FORMAT, _UPDATE_METHOD = "Automation", "JSON", "NewVersion"


class RunbookDocument(ssm.CfnDocument):
    """An Automation document under its fixed name, its ``assumeRole`` wired to the role's ARN and
    its run kept within the role's limits.

    A change of content becomes a new version that is the default at once; earlier versions stay
    and still run. ``VersionName`` is never set: it is unique for ever, so that the first rollback
    would fail on it. Source: CloudFormation, AWS::SSM::Document, UpdateMethod and VersionName.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        runbook: Runbook,
        service_role: ServiceRole,
        naming: Naming,
        partition: str,
        team: str,
        of_executions: str,
        fleet: str = "",
    ) -> None:
        content = deployed_content(runbook, service_role, naming, partition)
        tags = document_tags(
            runbook.content,
            naming.named(service_role.name),
            team,
            of_executions,
            fleet,
            tags_in_words(service_role.instance_tags),
        )
        super().__init__(
            scope,
            id_,
            name=runbook.name,
            content=content,
            document_type=_TYPE,
            document_format=_FORMAT,
            target_type=runbook.target_type,
            update_method=_UPDATE_METHOD,
            tags=[{"key": key, "value": value} for key, value in tags.items()],
        )
        self.specified = {
            "Name": runbook.name,
            "Content": content,
            "DocumentType": _TYPE,
            "DocumentFormat": _FORMAT,
            **({"TargetType": runbook.target_type} if runbook.target_type else {}),
            "UpdateMethod": _UPDATE_METHOD,
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        }
        """Its properties as the template must have them."""
