"""The resources of templates: what exists in an account once they are deployed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from review.assembly import Template
from review.errors import ReviewError
from review.intrinsics import NO_VALUE, Resolver

_IDENTITIES = {
    "AWS::IAM::User": ("UserName", "user"),
    "AWS::IAM::Role": ("RoleName", "role"),
    "AWS::IAM::Group": ("GroupName", "group"),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", "policy"),
}
"""Property that names it, and the word before the name in its ARN.
Source: AWS CloudFormation Template Reference."""

_ATTACHMENTS = {
    "AWS::IAM::Policy",
    "AWS::IAM::UserPolicy",
    "AWS::IAM::RolePolicy",
    "AWS::IAM::GroupPolicy",
    "AWS::IAM::UserToGroupAddition",
}
_DOCUMENT = "AWS::SSM::Document"
_PROVIDER = "AWS::IAM::OIDCProvider"
"""Lets nobody in by itself: roles that trust it say whom."""
_TOPIC, _KEY, _LOG = "AWS::SNS::Topic", "AWS::KMS::Key", "AWS::Logs::LogGroup"
TRAIL = {
    *(
        "AWS::Events::Rule",
        "AWS::Logs::ResourcePolicy",
        _TOPIC,
        "AWS::SNS::TopicPolicy",
        _KEY,
        _LOG,
    ),
}
"""Types that have a policy or a target of their own, which review/trail.py judges."""
_SECTIONS = {
    *("AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Mappings"),
    *("Conditions", "Transform", "Resources", "Outputs", "Rules"),
}
_WITHOUT_ACCESS = {
    "AWS::CDK::Metadata",
    "AWS::SecretsManager::Secret",
}
"""Types that give nobody access. A type is added here when somebody has read its reference."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """A resource of a template, its properties not yet resolved."""

    template: Template
    logical_id: str
    type: str
    properties: Mapping[str, Any]
    resolver: Resolver

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
        return _IDENTITIES.get(self.type, ("", ""))[1]

    @property
    def name(self) -> str:
        """Its physical name; where CloudFormation makes one, a name that tells so."""
        key = "Name" if self.type == _DOCUMENT else _IDENTITIES[self.type][0]
        return str(self.get(key) or f"{self.template.stack}-{self.logical_id}-GENERATED")

    @property
    def arn(self) -> str:
        """Its ARN."""
        place = self.template.place
        if self.type == _DOCUMENT:
            return place.ssm_arn(f"document/{self.name}")
        path = str(self.get("Path") or "/")
        return place.iam_arn(f"{_IDENTITIES[self.type][1]}{path}{self.name}")

    def attribute(self, name: str) -> str:
        """What ``Ref`` or ``Fn::GetAtt`` gives for it."""
        if name == "Ref" and self.type in (*_IDENTITIES, _DOCUMENT):
            return self.arn if self.type == "AWS::IAM::ManagedPolicy" else self.name
        if name in ("Arn", "PolicyArn") and self.type in _IDENTITIES:
            return self.arn
        if name in ("Arn", "Ref") and self.type == _PROVIDER:
            issuer = str(self.get("Url")).removeprefix("https://").rstrip("/")
            return self.template.place.iam_arn(f"oidc-provider/{issuer}")
        if (self.type, name) == (_LOG, "Arn"):
            place = self.template.place
            group = self.get("LogGroupName") or f"{self.template.stack}-{self.logical_id}-GENERATED"
            return f"arn:{place.partition}:logs:{place.region}:{place.account}:log-group:{group}:*"
        if (self.type, name) in ((_TOPIC, "Ref"), (_KEY, "Ref"), (_KEY, "Arn")):
            place, service = self.template.place, "sns" if self.type == _TOPIC else "kms"
            made = f"{self.template.stack}-{self.logical_id}-GENERATED"
            return f"arn:{place.partition}:{service}:{place.region}:{place.account}:{made}"
        raise ReviewError(
            f"{self.where}: the review does not know {name} of {self.type}, which a policy names; "
            f"give the resource a name of its own and use that"
        )


def read_resources(templates: Iterable[Template]) -> Iterator[Resource]:
    """Every resource that matters to access; ReviewError for a type that nobody has judged."""
    for template in templates:
        if unknown := sorted(template.body.keys() - _SECTIONS):
            raise ReviewError(
                f"{template.stack} has a section {unknown[0]}, which the review does not judge"
            )
        if "Transform" in template.body:
            raise ReviewError(
                f"{template.stack} has a Transform, which CloudFormation expands when it is "
                f"deployed; review the expanded template (aws cloudformation get-template "
                f"--template-stage Processed)"
            )
        of_template: dict[str, Resource] = {}
        resolver = Resolver(
            body=template.body,
            place=template.place,
            stack=template.stack,
            attribute=partial(_attribute, of_template),
        )
        for logical_id, body in template.body["Resources"].items():
            if "Condition" in body and not resolver.holds(body["Condition"]):
                continue
            of_template[logical_id] = Resource(
                template=template,
                logical_id=logical_id,
                type=body["Type"],
                properties=_properties(template, logical_id, body),
                resolver=resolver,
            )
        for resource in of_template.values():
            if resource.type in (*_IDENTITIES, *_ATTACHMENTS, *TRAIL, _DOCUMENT):
                yield resource
            elif resource.type not in (*_WITHOUT_ACCESS, _PROVIDER):
                raise ReviewError(
                    f"{resource.where}: the review does not know whether {resource.type} gives "
                    f"access to anybody (review/resources.py)"
                )


def _properties(template: Template, logical_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    properties = body.get("Properties") or {}
    expanded = [key for key in (*body, *properties) if key.startswith("Fn::")]
    if expanded or not isinstance(properties, dict):
        raise ReviewError(
            f"{template.stack}/{logical_id}: the review does not know what {', '.join(expanded)} "
            f"makes of its properties"
        )
    return properties


def _attribute(known: Mapping[str, Resource], logical_id: str, name: str) -> str:
    if logical_id not in known:
        raise ReviewError(f"{logical_id!r} is referred to and not in its template")
    return known[logical_id].attribute(name)
