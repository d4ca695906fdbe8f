"""Settings of the account that bear on runbooks.

Source: AWS Systems Manager API Reference, GetServiceSetting.
"""

from collections.abc import Iterator

from account.aws import Aws
from account.expected import Expected
from account.findings import Finding, Harm
from review.model.runbook_documents import content_of
from review.templates.resource_types import DOCUMENT

_SHARING = "/ssm/documents/console/public-sharing-permission"
_CONCURRENCY = "/ssm/automation/enable-adaptive-concurrency"
_LOGGING = "/ssm/automation/customer-script-log-destination"
_SCRIPT = '"aws:executeScript"'


def check_settings(aws: Aws, expected: Expected) -> Iterator[Finding]:
    """A note for each setting that is worth knowing, Region by Region."""
    with_scripts = {
        document.region
        for document in expected.of_type(DOCUMENT)
        if _SCRIPT in str(content_of(document)).replace("'", '"')
    }
    for region in expected.account.regions:
        if _value(aws, region, _SHARING) not in ("Disable", ""):
            yield Finding(
                Harm.NOTE,
                f"documents can be shared with everybody in {region}",
                "it is AWS's default",
                _change(region, _SHARING, "Disable"),
            )
        if _value(aws, region, _CONCURRENCY) == "True":
            yield Finding(
                Harm.NOTE,
                f"more than 100 executions may run at once in {region}",
                "adaptive concurrency was turned on",
                _change(region, _CONCURRENCY, "False"),
            )
        if region in with_scripts and _value(aws, region, _LOGGING) != "CloudWatch":
            yield Finding(
                Harm.NOTE,
                f"what scripts of runbooks print is kept by the execution alone in {region}",
                "it is AWS's default",
                _change(region, _LOGGING, "CloudWatch"),
            )


def _value(aws: Aws, region: str, setting: str) -> str:
    """The value of a setting; empty where a Region lacks it."""
    answer = aws.read("ssm", "get_service_setting", region=region, SettingId=setting)
    return str(answer["ServiceSetting"]["SettingValue"]) if answer else ""


def _change(region: str, setting: str, value: str) -> str:
    return (
        f"aws ssm update-service-setting --setting-id {setting} --setting-value {value} "
        f"--region {region}"
    )
