"""Which calls change a document, role, policy, group or user, by the data of AWS's actions."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from review.iam.actions import Action, Actions
from review.iam.patterns import overlap

_READING = {"List", "Read"}

_PARAMETERS = {
    "document": "name",
    "role": "roleName",
    "policy": "policyArn",
    "group": "groupName",
    "user": "userName",
}
"""By kind of resource, the parameter in which CloudTrail records which one a call changes."""
_OTHER_PARAMETERS = {
    "ssm:AddTagsToResource": "resourceId",
    "ssm:RemoveTagsFromResource": "resourceId",
    "ssm:PutResourcePolicy": "resourceArn",
    "ssm:DeleteResourcePolicy": "resourceArn",
    "iam:CreatePolicy": "policyName",
}
"""Source: Systems Manager and IAM API Reference."""

_USES = "it uses the document and leaves it as it is"
_SESSION = "it opens or labels a session and leaves the role as it is"
NOT_CHANGES = {
    **dict.fromkeys(
        (
            *("ssm:CreateAssociation", "ssm:CreateAssociationBatch", "ssm:DeleteAssociation"),
            *("ssm:UpdateAssociation", "ssm:UpdateAssociationStatus", "ssm:SendCommand"),
            *("ssm:StartAutomationExecution", "ssm:StartChangeRequestExecution"),
            "ssm:StartSession",
        ),
        _USES,
    ),
    "ssm:PutCalendar": "it changes documents of type ChangeCalendar, no runbook",
    **dict.fromkeys(
        (
            *("sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"),
            *("sts:SetContext", "sts:SetSourceIdentity", "sts:TagSession"),
        ),
        _SESSION,
    ),
    "iam:PassRole": "it is a permission; no call has this name",
    "iam:CreateServiceLinkedRole": "it makes service-linked roles only",
    "iam:DeleteServiceLinkedRole": "it deletes service-linked roles only",
    "iam:ChangePassword": "users change their own; CloudTrail records no name with it",
    "ec2:AssociateEnclaveCertificateIamRole": "it changes a certificate",
    "ec2:DisassociateEnclaveCertificateIamRole": "it changes a certificate",
    "ssm:UpdateManagedInstanceRole": "it changes an instance",
    "codestar:CreateUserProfile": "it changes a profile of AWS CodeStar",
    "codestar:DeleteUserProfile": "it changes a profile of AWS CodeStar",
    "codestar:UpdateUserProfile": "it changes a profile of AWS CodeStar",
}
"""Calls that the data lists for documents, roles, policies, groups or users and that are no change
of one, each with the reason. Source: Service Authorization Reference."""


def calls_that_change(
    actions: Actions, kind: str, name: str, arn: str
) -> Iterator[tuple[str, str, dict[str, str]]]:
    """The calls that change a resource of a kind (``document``, ``role``, …), by each name that it
    may have: service, call, and the parameter in which CloudTrail records the resource."""
    for action in _changing(actions, kind):
        service, call = action.name.split(":")
        parameter = _OTHER_PARAMETERS.get(action.name, _PARAMETERS[kind])
        for value in _values(kind, parameter, name, arn):
            yield service, call, {parameter: value}


def _values(kind: str, parameter: str, name: str, arn: str) -> Iterable[str]:
    if parameter.lower().endswith("arn"):
        return (arn,)
    return (name, arn) if kind == "document" else (name,)


@lru_cache(maxsize=len(_PARAMETERS))
def _changing(actions: Actions, kind: str) -> list[Action]:
    """The actions that change a kind of resource, by the data; `NOT_CHANGES` left out."""
    service = "ssm" if kind == "document" else "iam"
    example = f"arn:aws:{service}:us-east-1:111122223333:{kind}/Example"
    return [
        action
        for action in actions
        if not set(action.levels) <= _READING
        and action.name not in NOT_CHANGES
        and any(_is_kind(arn, example) for arn in action.arns)
    ]


def _is_kind(pattern: str, example: str) -> bool:
    """Whether a kind of resource of the data is that of an ARN, not any resource at all."""
    _, _, service, _, _, kind = pattern.split(":", 5)
    _, _, wanted, _, _, example_kind = example.split(":", 5)
    return service == wanted and overlap(kind, example_kind)
