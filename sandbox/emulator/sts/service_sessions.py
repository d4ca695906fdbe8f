"""Sessions that AWS services open of roles whose trust lets them in, recorded by CloudTrail."""

from collections.abc import Mapping

from ministack.services import iam

from sandbox.emulator import cloudtrail
from sandbox.emulator.sts.role_sessions import Credentials, open_session
from sandbox.emulator.sts.role_trust import trusts_service


def assumed_by(
    service: str, role: str, name: str, *, region: str, account: str, keys: Mapping[str, str]
) -> Credentials | None:
    """A session of the role of this ARN under a name, in an account and Region; None where no such
    role is in the account, or its trust does not let the service in for these condition keys."""
    record = iam._roles.get_scoped(account, None, role.rsplit("/", 1)[-1])
    if record is None or record["Arn"] != role or not trusts_service(record, service, keys):
        return None
    session = open_session(record, name)
    cloudtrail.record_service_assumption(
        role, name, session.access_key, region, account, service=service
    )
    return session
