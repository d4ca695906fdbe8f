"""The targets of a rate-controlled start: what is asked for, and what it resolves to.

Source: Systems Manager User Guide, Run automated operations that use targets and rate controls; SSM
API Reference, StartAutomationExecution. No page names the calls that resolve targets, nor as whom:
here they are made with the session of the execution whose step asks for them, else with that of the
execution that has the targets.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.ssm.api.errors import ApiError
from sandbox.ssm.automation.sessions import invalid_parameters

Given = Mapping[str, Any]
Child = dict[str, list[str]]
"""The parameters that one child has of its own."""

Clients = Callable[[str], Any]
"""A client of a service, with the session of the execution."""

_INSTANCE = "/AWS::EC2::Instance"
_EVERY_INSTANCE = ("AWS::EC2::Instance", "InstanceIds")
_PARAMETER_OF_A_ROLE = "AutomationAssumeRole"
_MOST_AT_ONCE, _MOST_ERRORS = "10", "0"
"""Source: SSM API Reference, StartAutomationExecution, MaxConcurrency and MaxErrors (inferred)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Targets:
    """What a rate-controlled start asks for."""

    parameter: str
    targets: tuple[Given, ...]
    maps: tuple[Child, ...]
    max_concurrency: str
    max_errors: str
    target_type: str
    """Of the document: ``/AWS::EC2::Instance``; empty for any."""

    @property
    def own_parameters(self) -> frozenset[str]:
        """The parameters that each child has of its own."""
        return frozenset((self.parameter,) if self.targets else ()).union(*self.maps)

    def at_once(self, number: int) -> int:
        """How many children of so many may run at the same time."""
        return max(1, _of(self.max_concurrency, number))

    def errors_allowed(self, number: int) -> int:
        """After one more failure no child is started any more."""
        return _of(self.max_errors, number)

    def describe(self) -> dict[str, Any]:
        """As executions show it."""
        return {
            "TargetParameterName": self.parameter or None,
            "Targets": [dict(target) for target in self.targets],
            "TargetMaps": [dict(each) for each in self.maps] or None,
            "MaxConcurrency": self.max_concurrency,
            "MaxErrors": self.max_errors,
        }

    def resolved(self, client: Clients) -> Iterator[Child]:
        """The parameters of each child, found with clients of the execution's session."""
        if self.maps:
            yield from self.maps
            return
        (target,) = self.targets
        key, values = str(target["Key"]), [str(value) for value in target["Values"]]
        for value in _VALUES.get(key, Targets._tagged)(self, client, key, values):
            yield {self.parameter: [value]}

    def _listed(self, client: Clients, key: str, values: list[str]) -> Iterator[str]:
        yield from dict.fromkeys(values)

    def _instances(self, client: Clients, key: str, values: list[str]) -> Iterator[str]:
        pages = client("ec2").get_paginator("describe_instances").paginate()
        for page in pages:
            for reservation in page["Reservations"]:
                for instance in reservation["Instances"]:
                    if instance["State"]["Name"] not in ("terminated", "shutting-down"):
                        yield instance["InstanceId"]

    def _grouped(self, client: Clients, key: str, values: list[str]) -> Iterator[str]:
        pages = client("resource-groups").get_paginator("list_group_resources")
        for page in pages.paginate(Group=values[0]):
            for resource in page["Resources"]:
                if self.target_type in ("", f"/{resource['Identifier']['ResourceType']}"):
                    yield _id_of(resource["Identifier"]["ResourceArn"])

    def _tagged(self, client: Clients, key: str, values: list[str]) -> Iterator[str]:
        pages = (
            client("resourcegroupstaggingapi")
            .get_paginator("get_resources")
            .paginate(
                TagFilters=[{"Key": key.removeprefix("tag:"), "Values": values}],
                ResourceTypeFilters=["ec2:instance"] if self.target_type == _INSTANCE else [],
            )
        )
        for page in pages:
            for resource in page["ResourceTagMappingList"]:
                yield _id_of(resource["ResourceARN"])


_VALUES: dict[str, Callable[[Targets, Clients, str, list[str]], Iterator[str]]] = {
    "ParameterValues": Targets._listed,
    "ResourceGroup": Targets._grouped,
    **dict.fromkeys(_EVERY_INSTANCE, Targets._instances),
}


def read_targets(
    given: Given, definitions: Mapping[str, Any], target_type: str | None
) -> Targets | None:
    """The targets of a start of a document with these parameters; None for a start without.

    Raises ApiError for what Automation refuses.
    """
    targets, maps = given.get("Targets") or (), given.get("TargetMaps") or ()
    parameter = given.get("TargetParameterName") or ""
    if not targets and not maps:
        if parameter:
            raise _invalid(f"TargetParameterName is {parameter}, and there are no Targets.")
        return None
    if targets and maps:
        raise _invalid("Targets and TargetMaps cannot both be given.")
    if targets:
        _check_parameter(parameter, definitions)
        _check_target(targets[0])
    for each in maps:
        if unknown := sorted(set(each) - set(definitions)):
            raise _invalid(f"TargetMaps names {unknown[0]}, which is no parameter of the document.")
    return Targets(
        parameter=parameter,
        targets=tuple(targets),
        maps=tuple(maps),
        max_concurrency=str(given.get("MaxConcurrency") or _MOST_AT_ONCE),
        max_errors=str(given.get("MaxErrors") or _MOST_ERRORS),
        target_type="" if target_type in (None, "/") else str(target_type),
    )


def _check_parameter(parameter: str, definitions: Mapping[str, Any]) -> None:
    if parameter not in definitions or parameter == _PARAMETER_OF_A_ROLE:
        raise _invalid(
            f"TargetParameterName {parameter!r} is no target parameter of the document; its "
            f"parameters are {', '.join(definitions) or 'none'}."
        )


def _check_target(target: Given) -> None:
    key, values = str(target.get("Key") or ""), target.get("Values") or ()
    if key not in _VALUES and not key.startswith("tag:"):
        raise ApiError("InvalidTarget", f"Target key {key!r} is not supported.")
    if not values:
        raise ApiError("InvalidTarget", f"Target {key} has no values.")
    if key == "ResourceGroup" and len(values) > 1:
        raise ApiError("InvalidTarget", "Only one resource group can be specified at a time.")
    if key in _EVERY_INSTANCE and list(values) != ["*"]:
        raise ApiError("InvalidTarget", f"Target {key} takes the value * alone.")


def _of(written: str, number: int) -> int:
    """A number, or a percentage of a number, which is rounded down."""
    if written.endswith("%"):
        return number * int(written[:-1]) // 100
    return int(written)


def _id_of(resource: str) -> str:
    """The id that an ARN ends in."""
    return resource.split(":", 5)[5].rsplit("/", 1)[-1]


def _invalid(message: str) -> ApiError:
    return invalid_parameters(message)
