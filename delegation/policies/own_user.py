"""What people who are IAM users may do to their own user: change the password, enrol a device, sign
in to the AWS CLI."""

from delegation.names import Naming
from delegation.policies.statements import Statement

_MFA = "IAM User Guide, Example policies, Allows IAM users to manage their own MFA device"
_OWN_DEVICE = ("iam:EnableMFADevice", "iam:GetUser", "iam:ListMFADevices", "iam:ResyncMFADevice")


def own_password(naming: Naming) -> tuple[Statement, ...]:
    """To change the password of one's own user."""
    return (
        Statement(
            sid="ChangeOwnPassword",
            actions=("iam:ChangePassword",),
            resources=(naming.own_user_arn(),),
            why="the first sign-in asks for a new password and would lock the user out otherwise",
            source="AWS managed policy IAMUserChangePassword",
        ),
        Statement(
            sid="ReadPasswordPolicy",
            actions=("iam:GetAccountPasswordPolicy",),
            resources=("*",),
            why="the console shows what a new password must contain; the call has no "
            "resource-level permission",
            source="AWS managed policy IAMUserChangePassword",
        ),
    )


def own_mfa(naming: Naming) -> tuple[Statement, ...]:
    """To enrol an MFA device of one's own user."""
    return (
        Statement(
            sid="MakeMfaDevice",
            actions=("iam:CreateVirtualMFADevice",),
            resources=("arn:${AWS::Partition}:iam::${AWS::AccountId}:mfa/*",),
            why="the console lets people choose the name of a device, which nobody has before it "
            "is enabled",
            source=_MFA,
        ),
        Statement(
            sid="EnableOwnMfaDevice",
            actions=_OWN_DEVICE,
            resources=(naming.own_user_arn(),),
            why="people enrol their own device; an administrator takes one away",
            source=_MFA,
        ),
        Statement(
            sid="ListMfaDevices",
            actions=("iam:ListVirtualMFADevices",),
            resources=("*",),
            why="the console lists devices to enrol one; IAM lists all or none",
            source=_MFA,
        ),
    )


def require_mfa(naming: Naming) -> tuple[Statement, ...]:
    """To do nothing else without a device."""
    enrolling = (*own_password(naming), *own_mfa(naming))
    return (
        Statement(
            sid="NothingElseWithoutMfa",
            effect="Deny",
            actions=(
                *(action for statement in enrolling for action in statement.actions),
                "sts:GetSessionToken",
            ),
            all_but_these=True,
            resources=("*",),
            conditions=(("BoolIfExists", "aws:MultiFactorAuthPresent", "false"),),
            why="without a device at sign-in only a device can be enrolled and the password "
            "changed; access keys alone show no device",
            source=_MFA,
        ),
    )


CLI_SIGN_IN = (
    Statement(
        sid="SignInToCli",
        actions=("signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token"),
        resources=(
            "arn:${AWS::Partition}:signin:*:${AWS::AccountId}:oauth2/public-client/localhost",
        ),
        why="aws login gives a program on the same machine the rights of the console's session, "
        "for some hours and without an access key; sign-in is in whichever Region is used",
        source="AWS managed policy SignInLocalDevelopmentAccess; Service Authorization Reference, "
        "AWS Signin",
    ),
)
