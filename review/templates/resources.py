"""The resources of templates: what exists in an account once they are deployed."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from aws_facts.partitions import IAM_HOMES
from review.errors import ReviewError
from review.templates.assembly import Template
from review.templates.intrinsics import NO_VALUE, Resolver, Undetermined
from review.templates.resource_types import (
    DOCUMENT,
    KEY,
    LOG,
    MANAGED_POLICY,
    PROVIDER,
    QUEUE,
    RULE,
    TOPIC,
    TYPES,
)
from review.templates.template_checks import refuse_unknown_parts


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """A resource of a template, its properties not yet resolved."""

    template: Template
    logical_id: str
    type: str
    properties: Mapping[str, Any]
    resolver: Resolver
    condition: str = ""
    """A condition that holds in some Regions only, where nothing fixes the Region."""

    @property
    def region(self) -> str:
        """The Region that it is in."""
        return self.template.environment.region

    @property
    def where(self) -> str:
        """Where a reader finds it."""
        return f"{self.template.stack}/{self.logical_id}"

    def get(self, name: str, default: Any = None) -> Any:
        """A property, resolved."""
        value = self.resolver.resolve(self.properties.get(name, default))
        return default if value is NO_VALUE else value

    def listed(self, name: str) -> list[Any]:
        """A property that is a list, resolved."""
        value = self.get(name, [])
        if not isinstance(value, list):
            raise ReviewError(f"{self.where}: {name} is {value!r}, not a list")
        return value

    @property
    def kind(self) -> str:
        """``role``, ``policy``, ``group`` or ``user``; empty for what is not of IAM."""
        return TYPES[self.type].word

    @property
    def name(self) -> str:
        """Its physical name; where CloudFormation makes one, a name that says so."""
        key = TYPES[self.type].name
        named = self.get(key) if key else None
        return f"{self.template.stack}-{self.logical_id}-GENERATED" if named is None else str(named)

    @property
    def arn(self) -> str:
        """Its ARN."""
        environment = self.template.environment
        if self.type == DOCUMENT:
            return environment.ssm_arn(f"document/{self.name}")
        path = str(self.get("Path") or "/")
        return environment.iam_arn(f"{self.kind}{path}{self.name}")

    def attribute(self, name: str) -> str:
        """What ``Ref`` or ``Fn::GetAtt`` gives for it."""
        environment = self.template.environment
        where = f"{environment.region}:{environment.account}"
        if name == "Ref" and (self.kind or self.type == DOCUMENT):
            return self.arn if self.type == MANAGED_POLICY else self.name
        if name in ("Arn", "PolicyArn") and self.kind:
            return self.arn
        if name in ("Arn", "Ref") and self.type == PROVIDER:
            return environment.iam_arn(
                f"oidc-provider/{self.name.removeprefix('https://').rstrip('/')}"
            )
        if (self.type, name) == (LOG, "Arn"):
            return f"arn:{environment.partition}:logs:{where}:log-group:{self.name}:*"
        if (self.type, name) in ((TOPIC, "Ref"), (TOPIC, "TopicArn")):
            return f"arn:{environment.partition}:sns:{where}:{self.name}"
        if (self.type, name) in ((KEY, "Ref"), (KEY, "Arn")):
            return f"arn:{environment.partition}:kms:{where}:key/{self.name}"
        if (self.type, name) == (QUEUE, "Ref"):
            return f"{self.name} in {where}"  # its URL, whose host depends on the partition
        raise ReviewError(
            f"{self.where}: the review does not know {name} of {self.type}, which a policy names; "
            f"give the resource a name of its own and use that"
        )


def read_resources(templates: Iterable[Template]) -> tuple[Resource, ...]:
    """Every resource of the templates that is there once they are deployed.

    Raises ReviewError for whatever the review does not understand, and for two resources of one
    type and name: AWS makes the first and refuses the second, or takes the second alone.
    """
    found: list[Resource] = []
    for template in templates:
        refuse_unknown_parts(template)
        found += _of_template(template)
        if "account" in template.environment.assumed:
            _refuse_named_accounts(template)
    known: dict[tuple[str, str, str, str], Resource] = {}
    for resource in found:
        if not TYPES[resource.type].name:
            continue
        environment = resource.template.environment
        region = "" if resource.kind or resource.type == PROVIDER else environment.region
        key = (resource.type, environment.account, region, resource.name.lower())
        first = known.setdefault(key, resource)
        if first is not resource:
            raise ReviewError(
                f"{resource.where}: a second {resource.type} {resource.name}, after {first.where}"
            )
    return tuple(found)


def elsewhere(template: Template) -> Template:
    """The same template where nothing that was assumed of its account and Region is so."""
    environment = template.environment
    account = _OTHER_ACCOUNT if "account" in environment.assumed else environment.account
    region = _OTHER_REGION if "Region" in environment.assumed else environment.region
    return replace(template, environment=replace(environment, account=account, region=region))


def _refuse_named_accounts(template: Template) -> None:
    """Raises ReviewError where a template names accounts, and nothing says which one is its own:
    the same ARN is of a colleague in one account and of a stranger in the others."""
    another = replace(template, environment=replace(template.environment, account=_OTHER_ACCOUNT))
    named = {
        account
        for resource in _of_template(another)
        if resource.type != DOCUMENT
        for name in resource.properties.keys() - {"LoginProfile"}
        for account in _ACCOUNT.findall(json.dumps(resource.get(name)))
    }
    if others := sorted(named - {_OTHER_ACCOUNT}):
        raise ReviewError(
            f"{template.stack} names account {', '.join(others)}, and nothing says whether it is "
            f"deployed there; name the account of the deployment: account= in deployments.py, or "
            f"--account"
        )


_ACCOUNT = re.compile(r"(?<![\w-])\d{12}(?![\w-])", re.ASCII)
_OTHER_ACCOUNT, _OTHER_REGION = "999999999998", "xx-nowhere-9"


def _of_template(template: Template) -> list[Resource]:
    of_template: dict[str, Resource] = {}
    resolver = Resolver(
        body=template.body,
        environment=template.environment,
        stack=template.stack,
        attribute=partial(_attribute, of_template),
    )
    for logical_id, body in template.body["Resources"].items():
        resource = Resource(
            template=template,
            logical_id=logical_id,
            type=body["Type"],
            properties=body.get("Properties") or {},
            resolver=resolver,
        )
        if "Condition" not in body:
            of_template[logical_id] = resource
            continue
        try:
            holds = resolver.holds(body["Condition"])
        except Undetermined:
            if resource.type != RULE:
                raise
            # Where the Region decides, the rule counts only for what that Region alone receives.
            holds = all(_holds_in(home, body["Condition"], template) for home in IAM_HOMES.items())
            resource = replace(resource, condition=body["Condition"])
        if holds:
            of_template[logical_id] = resource
    return list(of_template.values())


def _holds_in(home: tuple[str, str], condition: str, template: Template) -> bool:
    """Whether a condition holds in the Region of a partition that receives the events of IAM."""
    partition, region = home
    unfixed = tuple(name for name in template.environment.assumed if name != "Region")
    environment = replace(template.environment, partition=partition, region=region, assumed=unfixed)
    resolver = Resolver(
        body=template.body,
        environment=environment,
        stack=template.stack,
        attribute=partial(_attribute, {}),
    )
    return resolver.holds(condition)


def _attribute(known: Mapping[str, Resource], logical_id: str, name: str) -> str:
    if logical_id not in known:
        raise ReviewError(f"{logical_id!r} is referred to and not in its template")
    return known[logical_id].attribute(name)
