"""Templates to review: a cloud assembly of the CDK, or a folder of templates."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from review.errors import ReviewError
from review.templates.cloud_assembly import Assembly, Stack
from review.templates.files import parse_json, read_bytes, require_plain
from review.templates.intrinsics import Environment

ANY_ACCOUNT, ANY_REGION = "111122223333", "us-east-1"
"""Where templates go that fix no account or Region, if nobody names one."""
_MOST_YAML_BYTES = 1024 * 1024
_SUFFIXES = (".json", ".template", ".yaml", ".yml")


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """One stack to be."""

    stack: str
    """The stack's name in the account."""
    environment: Environment
    body: dict[str, Any]
    asset: str | None = None
    """``BUCKET/KEY`` of the template in CDK's staging bucket, where an assembly shows it."""
    digest: str = ""
    """SHA-256 of its file, in hexadecimal."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """The stack's tags, which its resources have as well; ``body`` shows what others they have."""
    deployers: tuple[str, ...] = ()
    """ARNs of the roles that deploy the stack, make its resources and upload its template, where an
    assembly shows them."""
    manifest: Mapping[str, Any] = field(default_factory=dict)
    """What an assembly says of the stack beside the template: roles, tags, parameters, upload."""


def read_templates(folder: Path, environment: Environment) -> tuple[Template, ...]:
    """The templates of a folder; ``place`` is where those go that fix no account or Region."""
    if not folder.is_dir():
        raise ReviewError(
            f"{folder} is not a folder; name one with templates, as make synth writes"
        )
    has_manifest = (folder / "manifest.json").exists()
    found = tuple(
        _of_assembly(folder, environment) if has_manifest else _loose(folder, environment)
    )
    if not found:
        raise ReviewError(f"{folder} holds no template; name a folder as make synth writes it")
    keys = [(each.stack, each.environment.account, each.environment.region) for each in found]
    for key in keys:
        if keys.count(key) > 1:
            raise ReviewError(f"{folder} holds two templates of stack {', '.join(key)}")
    return found


def given_environment(
    *, account: str | None = None, region: str | None = None, partition: str | None = None
) -> Environment:
    """Where templates go that fix no account or Region: as named, the rest assumed."""
    return Environment(
        account=account or ANY_ACCOUNT,
        region=region or ANY_REGION,
        partition=partition or partition_of(region or ANY_REGION),
        assumed=(*(() if account else ("account",)), *(() if region else ("Region",))),
    )


def _of_assembly(folder: Path, environment: Environment) -> Iterator[Template]:
    for stack in Assembly(folder).stacks:
        stack_place = _environment(stack, environment)
        texts = [stack.asset, *stack.roles]
        for parameter, value in stack_place.pseudo_parameters(stack.name).items():
            texts = [text.replace(f"${{{parameter}}}", str(value)) for text in texts]
        asset, *deployers = texts
        yield Template(
            stack=stack.name,
            environment=stack_place,
            body=_without_tags(_template(folder / f"{stack.id} (template)", stack.template), stack),
            tags=stack.tags,
            asset=asset,
            digest=stack.digest,
            deployers=tuple(deployers),
            manifest=stack.manifest,
        )


def _without_tags(body: dict[str, Any], stack: Stack) -> dict[str, Any]:
    """The template without the stack's tags on each of its resources."""
    of_stack = [{"Key": key, "Value": value} for key, value in stack.tags.items()]

    def properties(named: dict[str, Any]) -> dict[str, Any]:
        own = [tag for tag in named["Tags"] if tag not in of_stack]
        rest = {name: value for name, value in named.items() if name != "Tags"}
        return {**rest, **({"Tags": own} if own else {})}

    def resource(found: Any) -> Any:
        has_tags = (
            isinstance(found, dict)
            and isinstance(found.get("Properties"), dict)
            and isinstance(found["Properties"].get("Tags"), list)
        )
        return {**found, "Properties": properties(found["Properties"])} if has_tags else found

    if not of_stack:
        return body
    return {**body, "Resources": {id_: resource(r) for id_, r in body["Resources"].items()}}


def _loose(folder: Path, environment: Environment) -> Iterator[Template]:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            raise ReviewError(
                f"{path} is a folder in a folder of templates; review one folder without any, or a "
                f"cloud assembly, which says what is deployed"
            )
        if path.suffix.lower() not in _SUFFIXES:
            continue
        content = read_bytes(path)
        body = _parsed(path, content)
        if isinstance(body, dict) and "Resources" in body:
            yield Template(
                stack=path.name.removesuffix(path.suffix).removesuffix(".template"),
                environment=environment,
                body=_template(path, body),
                digest=hashlib.sha256(content).hexdigest(),
            )


def _environment(stack: Stack, default: Environment) -> Environment:
    """Where a stack goes: as the assembly fixes it, the rest as by default."""
    fixed = {name for name in ("account", "region") if getattr(stack, name)}
    return Environment(
        account=stack.account or default.account,
        region=stack.region or default.region,
        partition=partition_of(stack.region) if stack.region else default.partition,
        assumed=tuple(name for name in default.assumed if name.lower() not in fixed),
    )


def partition_of(region: str) -> str:
    """The partition that a Region's name shows."""
    prefixes = {
        "cn-": "aws-cn",
        "us-gov-": "aws-us-gov",
        "us-iso-": "aws-iso",
        "us-isob-": "aws-iso-b",
        "us-isof-": "aws-iso-f",
        "eu-isoe-": "aws-iso-e",
        "eusc-": "aws-eusc",
    }
    return next((p for prefix, p in prefixes.items() if region.startswith(prefix)), "aws")


def _template(path: Path, body: Any) -> dict[str, Any]:
    """The template of a file, each of its resources of some type."""
    resources = body.get("Resources") if isinstance(body, dict) else None
    if not isinstance(resources, dict):
        raise ReviewError(f"{path} is not a template: it has no Resources")
    for logical_id, resource in resources.items():
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise ReviewError(f"{path}: resource {logical_id} has no Type")
    template: dict[str, Any] = body
    return template


def _parsed(path: Path, content: bytes) -> Any:
    try:
        text = content.decode("utf-8")
        if path.suffix not in (".yaml", ".yml", ".template") or text.lstrip().startswith("{"):
            return parse_json(path, content)
        if len(content) > _MOST_YAML_BYTES:
            raise ReviewError(f"{path} is longer than 1 MB, the most that CloudFormation takes")
        value = yaml.load(text, _TemplateLoader)  # noqa: S506, a safe loader with tags
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ReviewError(f"{path} cannot be read as a template: {reason}") from None
    require_plain(path, value)
    return value


class _TemplateLoader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms (``!Sub``), in which a date is a string.

    Aliases and merged keys are refused, as CloudFormation does not support them, and so is a key
    that a mapping has twice. Source: AWS CloudFormation User Guide, Template formats.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        """A node of the document; raises ComposerError for an alias."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases are not supported")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping; raises ConstructorError for a key that appears twice, or is merged."""
        keys = [(key.tag, key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        merged = any(tag == "tag:yaml.org,2002:merge" for tag, _ in keys)
        if merged or len(set(keys)) < len(keys):
            what = "a merged key" if merged else "a key that appears twice"
            raise yaml.constructor.ConstructorError(None, None, what, node.start_mark)
        return super().construct_mapping(node, deep)


_TemplateLoader.yaml_implicit_resolvers = {
    first: [entry for entry in entries if not entry[0].endswith(":timestamp")]
    for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _short_form(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_TemplateLoader.add_multi_constructor("!", _short_form)
