"""ConsoleUser: an IAM user who signs in with a password that no template knows."""

from collections.abc import Sequence

from aws_cdk import CfnOutput, Fn, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from delegation import names
from delegation.deployment.deployment import Deployment
from stacks.access.managed_policy import own_path
from stacks.acknowledgement import GUIDES_USER, acknowledge, in_standards

PASSWORD_LENGTH = 128
"""As long as an account's policy can ask for.
Source: IAM API Reference, UpdateAccountPasswordPolicy, MinimumPasswordLength."""
NOT_IAM_SYMBOLS = '",./:;<>?\\`~'
"""Punctuation of Secrets Manager that IAM does not count as symbols.
Source: IAM User Guide, Setting an account password policy."""

_NO_ROTATION = (
    "the password is good for the first sign-in only, where IAM forces a new one that no system "
    "knows: rotating it would change nothing (IAM User Guide, PasswordResetRequired)"
)
_NO_CUSTOMER_KEY = (
    "the key of Secrets Manager encrypts the one-time password; a customer managed key would cost "
    "more than it protects (Secrets Manager User Guide, Secret encryption and decryption)"
)


class ConsoleUser(Construct):
    """An IAM user with console access, whose first password lies in Secrets Manager."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        user_name: str,
        groups: Sequence[iam.CfnGroup],
        cli_group: iam.CfnGroup | None,
        deployment: Deployment,
    ) -> None:
        super().__init__(scope, id_)
        boundary = deployment.company_boundary
        if cli_group is not None and user_name in deployment.cli_users:
            groups = (*groups, cli_group)
        password = self._build_password(user_name)
        self.resource = iam.CfnUser(
            self,
            "Resource",
            user_name=user_name,
            path=own_path(deployment),
            groups=[group.ref for group in groups] or None,
            permissions_boundary=Fn.sub(boundary) if boundary else None,
            login_profile=iam.CfnUser.LoginProfileProperty(
                password=Fn.join("", ["{{resolve:secretsmanager:", password.ref, "}}"]),
                password_reset_required=True,
            ),
        )
        if not groups:
            acknowledge(self.resource, in_standards("IAMUserGroupMembership", GUIDES_USER))
        self._build_outputs(password)

    def _build_password(self, user_name: str) -> secretsmanager.CfnSecret:
        """A password that satisfies any account password policy; the secret names itself."""
        secret = secretsmanager.CfnSecret(
            self,
            "Password",
            description=f"First console password of {user_name}, to be changed at first sign-in",
            generate_secret_string=secretsmanager.CfnSecret.GenerateSecretStringProperty(
                password_length=PASSWORD_LENGTH,
                require_each_included_type=True,
                exclude_characters=NOT_IAM_SYMBOLS,
            ),
        )
        acknowledge(
            secret,
            {
                "AwsSolutions-SMG4": _NO_ROTATION,
                "HIPAA.Security-SecretsManagerRotationEnabled": _NO_ROTATION,
                "NIST.800.53.R5-SecretsManagerRotationEnabled": _NO_ROTATION,
                **in_standards("SecretsManagerUsingKMSKey", _NO_CUSTOMER_KEY),
            },
        )
        return secret

    def _build_outputs(self, password: secretsmanager.CfnSecret) -> None:
        stack = Stack.of(self)
        name = names.construct_id(self.resource.user_name or "")
        CfnOutput(stack, f"{name}UserName", value=self.resource.ref)
        CfnOutput(
            stack,
            f"{name}PasswordSecret",
            value=password.ref,
            description="Secrets Manager secret that holds the first console password",
        )
