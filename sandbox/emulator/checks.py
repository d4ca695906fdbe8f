"""Which calls are judged here instead of by the emulator, and on what."""

from ministack.core.iam_actions import access_denied_response

from sandbox.emulator.call import Call, Response
from sandbox.emulator.cloudformation.calls import stack_checks
from sandbox.emulator.ec2.checks import ec2_checks
from sandbox.emulator.iam.authorization import Check, judged
from sandbox.emulator.iam.own_user import own_user_checks
from sandbox.emulator.scheduler.calls import schedule_checks
from sandbox.emulator.sts.role_trust import assume_role_checks

_BUCKET_OWNER = "x-amz-expected-bucket-owner"
"""Source: S3 User Guide, Verifying bucket ownership with bucket owner condition: every bucket here
is the account's own."""
_CHECKS = {
    "cloudformation": stack_checks,
    "ec2": ec2_checks,
    "iam": own_user_checks,
    "scheduler": schedule_checks,
    "sts": assume_role_checks,
}


def refused_where_the_emulator_errs(call: Call) -> Response | None:
    """The refusal of a call that the emulator would judge on the wrong resource; None if allowed
    or the emulator's to judge."""
    if call.service == "s3" and call.headers.get(_BUCKET_OWNER, call.account) != call.account:
        refused: Response = access_denied_response(
            "s3", f"s3:{call.operation}", "", call.request_id, message="Access Denied"
        )
        return refused
    return judged(call, _CHECKS.get(call.service, _no_checks)(call))


def _no_checks(call: Call) -> list[Check]:
    return []
