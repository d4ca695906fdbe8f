"""ApproverAccess: what the people who answer approval steps may do."""

from aws_cdk import aws_iam as iam
from constructs import Construct

from delegation import names
from delegation.model import Deployment
from delegation.people import existing_roles, iam_users
from delegation.permissions import approver_policy
from stacks.console_user import ConsoleUser
from stacks.managed_policy import managed_policy

_DESCRIPTION = "Answer the approval steps of the runbooks of this deployment"


class ApproverAccess(Construct):
    """``ApproverRestrictedPermissions``, for people who approve and never start."""

    groups: tuple[iam.CfnGroup, ...] = ()
    """The approvers' group; none without IAM users."""

    def __init__(self, scope: Construct, id_: str, *, deployment: Deployment) -> None:
        super().__init__(scope, id_)
        users = iam_users(deployment.approvers)
        if users:
            self.groups = (iam.CfnGroup(self, "Group", group_name=names.APPROVER_GROUP),)
        people = Construct(self, "Users")
        for user in users:
            ConsoleUser(people, names.construct_id(user), user_name=user, groups=self.groups)
        managed_policy(
            self,
            names.APPROVER_POLICY,
            description=_DESCRIPTION,
            statements=approver_policy(deployment),
            groups=self.groups,
            roles=existing_roles(deployment.approvers),
        )
