"""Templates to review: a cloud assembly of the CDK, or a folder of templates."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from review.errors import ReviewError
from review.intrinsics import Place

ANY_ACCOUNT, ANY_REGION = "111122223333", "us-east-1"
"""Where templates go that name no place, and nobody tells."""
_SUFFIXES = (".json", ".template", ".yaml", ".yml")


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """One stack to be."""

    stack: str
    """The stack's name in the account."""
    place: Place
    body: dict[str, Any]
    asset: str | None = None
    """``BUCKET/KEY`` of the template in CDK's staging bucket, where an assembly tells it."""
    digest: str = ""
    """SHA-256 of its file, in hexadecimal."""


def read_templates(folder: Path, place: Place) -> tuple[Template, ...]:
    """The templates of a folder; ``place`` is where those go that name no account or Region."""
    if not folder.is_dir():
        raise ReviewError(f"{folder} is no folder; name one with templates, as make synth writes")
    found = tuple(_of_assembly(folder, place) if _manifest(folder) else _loose(folder, place))
    if not found:
        raise ReviewError(f"{folder} holds no template; name a folder as make synth writes it")
    return found


def place_of_templates(
    folder: Path,
    *,
    account: str | None = None,
    region: str = ANY_REGION,
    partition: str | None = None,
) -> Place:
    """Where the templates of a folder go that name no account or Region: as told, else the account
    that they name in ARNs, else any."""
    return Place(
        account=account or _account_named(folder) or ANY_ACCOUNT,
        region=region,
        partition=partition or partition_of(region),
    )


def _account_named(folder: Path) -> str | None:
    """The one account that the templates of a folder name in IAM's ARNs, if it is one."""
    texts = (path.read_text("utf-8", "replace") for path in sorted(folder.glob("*.json")))
    named = {account for text in texts for account in _IAM_ARN.findall(text)}
    return named.pop() if len(named) == 1 else None


_IAM_ARN = re.compile(r"arn:[a-z-]+:iam::(\d{12}):")


def _manifest(folder: Path) -> bool:
    return (folder / "manifest.json").is_file()


def _of_assembly(folder: Path, place: Place) -> Iterator[Template]:
    manifest = _read(folder / "manifest.json")
    artifacts = manifest.get("artifacts") if isinstance(manifest, dict) else None
    if not isinstance(artifacts, dict):
        raise ReviewError(f"{folder / 'manifest.json'} is no manifest of a cloud assembly")
    for name, artifact in artifacts.items():
        properties = artifact.get("properties", {})
        if artifact["type"] == "cdk:cloud-assembly":
            yield from _of_assembly(folder / properties["directoryName"], place)
        if artifact["type"] != "aws:cloudformation:stack":
            continue
        if "templateFile" not in properties:
            raise ReviewError(f"{folder / 'manifest.json'} names no template of {name}")
        stack_place = _place(artifact.get("environment", ""), place)
        stack = properties.get("stackName", name)
        pseudo = stack_place.pseudo_parameters(stack)
        url = properties.get("stackTemplateAssetObjectUrl")
        for parameter, value in pseudo.items():
            url = url and url.replace(f"${{{parameter}}}", str(value))
        yield Template(
            stack=stack,
            place=stack_place,
            body=_template(folder / properties["templateFile"]),
            asset=url.removeprefix("s3://") if url else None,
            digest=_digest(folder / properties["templateFile"]),
        )


def _loose(folder: Path, place: Place) -> Iterator[Template]:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            raise ReviewError(
                f"{path} is a folder in a folder of templates; review one folder without any, or a "
                f"cloud assembly, which says what is deployed"
            )
        if path.suffix.lower() not in _SUFFIXES:
            continue
        body = _read(path)
        if isinstance(body, dict) and "Resources" in body:
            yield Template(
                stack=path.name.removesuffix(path.suffix).removesuffix(".template"),
                place=place,
                body=_template(path),
                digest=_digest(path),
            )


def _place(environment: str, default: Place) -> Place:
    """The place of ``aws://ACCOUNT/REGION``, each of which may be unknown."""
    account, _, region = environment.removeprefix("aws://").partition("/")
    region = default.region if region in ("", "unknown-region") else region
    return Place(
        account=default.account if account in ("", "unknown-account") else account,
        region=region,
        partition=default.partition if region == default.region else partition_of(region),
    )


def partition_of(region: str) -> str:
    """The partition that a Region's name tells."""
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


def _template(path: Path) -> dict[str, Any]:
    """The template of a file, each of its resources of some type."""
    body = _read(path)
    resources = body.setdefault("Resources", {}) if isinstance(body, dict) else None
    if not isinstance(resources, dict):
        raise ReviewError(f"{path} is no template: it has no Resources")
    for logical_id, resource in resources.items():
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise ReviewError(f"{path}: resource {logical_id} has no Type")
    template: dict[str, Any] = body
    return template


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read(path: Path) -> Any:
    try:
        text = path.read_text("utf-8")
        if path.suffix in (".yaml", ".yml", ".template") and not text.lstrip().startswith("{"):
            return yaml.load(text, _TemplateLoader)  # noqa: S506, a safe loader with tags
        return json.loads(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ReviewError(f"{path} cannot be read as a template: {reason}") from None


class _TemplateLoader(yaml.CSafeLoader):
    """YAML with CloudFormation's short forms (``!Sub``), in which a date is a text."""


_TemplateLoader.yaml_implicit_resolvers = {
    first: [entry for entry in entries if not entry[0].endswith(":timestamp")]
    for first, entries in yaml.CSafeLoader.yaml_implicit_resolvers.items()
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
