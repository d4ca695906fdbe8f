"""What users do to their own user: change the password, make an MFA device.

The emulator lacks ``ChangePassword``, and asks about a device that is made on no resource. It keeps
no passwords either, only whether a user has one and has to change it: the old one cannot be
compared.
"""

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import iam

from sandbox.emulator.call import Call, Response
from sandbox.emulator.iam.authorization import Check

OPERATION = "ChangePassword"


def own_user_checks(call: Call) -> list[Check]:
    """The check of a change of password, which names no user: it is about the caller's own; and of
    a device that is made, on its ARN to be.

    Source: Service Authorization Reference, AWS Identity and Access Management (IAM).
    """
    if call.operation == OPERATION:
        return [Check(action="iam:ChangePassword", resource=iam_evaluator.caller_arn())]
    if call.operation == "CreateVirtualMFADevice":
        path, name = (call.form.get(key, [""])[0] for key in ("Path", "VirtualMFADeviceName"))
        device = f"mfa/{path.strip('/')}/{name}" if path.strip("/") else f"mfa/{name}"
        return [
            Check(
                action="iam:CreateVirtualMFADevice",
                resource=f"arn:aws:iam::{get_account_id()}:{device}",
            )
        ]
    return []


def change_password(call: Call) -> Response:
    """Takes the caller's new password, which need not be changed at the next sign-in any more."""
    name = iam_evaluator.caller_arn().rsplit("/", 1)[-1]
    profile = iam._login_profiles.get(name)
    if profile is None:
        missing: Response = iam._error(
            404, "NoSuchEntity", f"Login Profile for User {name} cannot be found.", ns="iam"
        )
        return missing
    profile["PasswordResetRequired"] = False
    changed: Response = iam._xml(200, "ChangePasswordResponse", "", ns="iam")
    return changed
