"""Settings of the account that bear on runbooks."""

from collections.abc import Iterator

from account.aws import Aws
from account.expected import Expected
from account.findings import Finding, Harm

_SHARING = "/ssm/documents/console/public-sharing-permission"


def check_settings(aws: Aws, expected: Expected) -> Iterator[Finding]:
    """A note for each Region in which documents can be shared with everybody."""
    for region in expected.account.regions:
        answer = aws.read("ssm", "get_service_setting", region=region, SettingId=_SHARING)
        if answer and answer["ServiceSetting"]["SettingValue"] != "Disable":
            yield Finding(
                Harm.NOTE,
                f"documents can be shared with everybody in {region}",
                "it is AWS's default",
                f"aws ssm update-service-setting --setting-id {_SHARING} --setting-value Disable "
                f"--region {region}",
            )
