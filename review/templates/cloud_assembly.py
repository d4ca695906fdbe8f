"""A cloud assembly as a deployment reads it: its stacks, and a digest of all that deploys them.

The CDK CLI believes an assembly: it compares no file with the hash that names it, and runs a
command where an asset names one. What is deployed unattended is checked here before.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from review.errors import ReviewError
from review.templates.assembly_checks import (
    ARTIFACTS,
    is_authors,
    wave_of,
    what_else_it_deploys,
    what_else_it_is,
    what_else_it_tells,
)
from review.templates.files import parse_json, read_bytes
from review.templates.stack_names import RUNBOOKS_STACK, prefix_of, unprefixed

_ANY_ACCOUNT, _ANY_REGION = "unknown-account", "unknown-region"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stack:
    """A stack of the assembly."""

    id: str
    """What the CDK CLI calls it."""
    name: str
    """What it is called in the account."""
    account: str | None
    """12 digits; None for that of the credentials."""
    region: str | None
    """None for the Region in use."""
    template: Mapping[str, Any]
    deployment_role: str
    """ARN with ``${AWS::Partition}``, ``${AWS::AccountId}`` and ``${AWS::Region}``."""
    execution_role: str
    """The same, of the role that CloudFormation takes."""
    publishing_role: str
    """The same, of the role that uploads the template."""
    bucket: str
    """Where the template is uploaded to, with the same placeholders."""
    asset: str
    """``BUCKET/KEY`` of the uploaded template, with the same placeholders."""
    digest: str
    """SHA-256 of the template's file, in hexadecimal."""
    tags: Mapping[str, str]
    """Its tags, which CloudFormation gives to its resources too."""
    wave: int
    """In which group it is deployed, 1 first."""
    manifest: Mapping[str, Any]
    """All that the manifest and the list of assets say of it, its template's digest left out."""

    @property
    def roles(self) -> tuple[str, str, str]:
        """The roles that deploy it, make its resources and upload its template."""
        return self.deployment_role, self.execution_role, self.publishing_role

    def role(self, name: str) -> Mapping[str, Any]:
        """The properties of the role that it makes of this name, without prefix; empty where it
        makes none."""
        for resource in self.template.get("Resources", {}).values():
            properties = resource.get("Properties", {})
            if properties.get("RoleName") == prefix_of(self.name) + name:
                return dict(properties)
        return {}

    @property
    def place(self) -> tuple[str | None, str | None, str]:
        """Account, Region and name, which are one stack in AWS."""
        return self.account, self.region, self.name


class Assembly:
    """The assembly in a folder; ReviewError for what is not one, or not as CDK writes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._contents: dict[str, bytes] = {}
        """Each file as it was read, once: what is evaluated is what is copied and deployed."""
        if not (folder / "manifest.json").is_file():
            raise ReviewError(f"{folder} holds no manifest.json; write an assembly: make synth")
        self.manifest = self.read("manifest.json")
        try:
            if "missing" in self.manifest:
                raise ReviewError(f"{folder} has unresolved context lookups")
            self.stacks = tuple(self._stacks())
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ReviewError(
                f"{folder} is not of the form that CDK writes: {type(error).__name__}: {error}; "
                f"run: make synth"
            ) from None
        if not self.stacks:
            raise ReviewError(f"{folder / 'manifest.json'} names no stack")
        places = [stack.place for stack in self.stacks]
        for place in places:
            if places.count(place) > 1:
                raise ReviewError(f"{folder} has two stacks {place}; run: make synth")
        self._require_alike()

    def _require_alike(self) -> None:
        """Raises ReviewError for stacks of one account that are not of one deployment."""
        accounts = {stack.account for stack in self.stacks}
        if None in accounts and len(accounts) > 1:
            raise ReviewError(
                f"{self.folder} has stacks for any account beside those of {len(accounts) - 1}; "
                f"run: make synth"
            )
        for account in accounts:
            mine = [stack for stack in self.stacks if stack.account == account]
            self._require_one_prefix(mine)
            self._require_one_bootstrap(mine)

    def _require_one_prefix(self, stacks: list[Stack]) -> None:
        for stack in stacks:
            if prefix_of(stack.name) != prefix_of(stacks[0].name):
                raise ReviewError(
                    f"{self.folder} has stacks of one account with different prefixes, one of them "
                    f"{stack.name}; run: make synth"
                )

    def _require_one_bootstrap(self, stacks: list[Stack]) -> None:
        """Authors deploy RunbooksStack where the templates make their roles, and nothing else; one
        bootstrap deploys the rest, its roles named alike or for each Region."""
        has_authors = any(stack.role("AuthorDeploymentRole") for stack in stacks)
        common: list[set[str]] = []
        """What each role may be called, of those that every stack so far agrees on."""
        for stack in stacks:
            is_authored = is_authors(stack.deployment_role)
            if not is_authored:
                forms = [set(pair) for pair in zip(stack.roles, _anywhere(stack), strict=True)]
                agreed = zip(common or forms, forms, strict=True)
                common = [one & other for one, other in agreed]
            should_be = has_authors and unprefixed(stack.name) == RUNBOOKS_STACK
            if is_authored != should_be or not all(common):
                raise ReviewError(
                    f"{self.folder} has stacks of one account that different roles deploy, one of "
                    f"them {stack.name}; run: make synth"
                )

    @cached_property
    def digest(self) -> str:
        """SHA-256 over every file that a deployment reads, in hexadecimal."""
        lines = [f"{self._sha256(name)}  {name}\n" for name in self.files]
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The names of the files that a deployment reads, sorted."""
        return tuple(sorted({"manifest.json", *self._named()}))

    def named(self, *names: str) -> tuple[Stack, ...]:
        """The stacks of these names, whatever their prefix, in the order of the names, then of the
        assembly."""
        return tuple(s for name in names for s in self.stacks if unprefixed(s.name) == name)

    def copy_to(self, folder: Path) -> "Assembly":
        """The same assembly in another folder, without any file that no deployment reads."""
        folder.mkdir(parents=True)
        for name in self.files:
            (folder / name).write_bytes(self._content(name))
        return Assembly(folder)

    def require(self, digest: str) -> None:
        """Raises ReviewError unless the assembly's digest is the given one."""
        if not digest:
            raise ReviewError(
                "DIGEST is empty; it is what make digest printed for the assembly that was reviewed"
            )
        if digest != self.digest:
            raise ReviewError(
                f"the assembly in {self.folder} has the digest {self.digest}, not {digest}, which "
                f"was reviewed; deploy the reviewed one, or review this one: make review BASE=…"
            )

    def read(self, name: str) -> Any:
        """The JSON of a file of the assembly."""
        return parse_json(self.folder / name, self._content(name))

    def _content(self, name: str) -> bytes:
        if name not in self._contents:
            self._contents[name] = read_bytes(self.folder / _plain(name))
        return self._contents[name]

    def _sha256(self, name: str) -> str:
        return hashlib.sha256(self._content(name)).hexdigest()

    def stack_artifacts(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The manifest's entries for stacks, by their ids."""
        yield from self._of_type("aws:cloudformation:stack")

    def asset_artifacts(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The manifest's entries for what a stack uploads, its template."""
        yield from self._of_type("cdk:asset-manifest")

    def _of_type(self, type_: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for id_, artifact in self.manifest["artifacts"].items():
            if artifact["type"] not in ARTIFACTS:
                raise ReviewError(
                    f"{self.folder} holds {id_}, {artifact['type']}, which no review evaluates; "
                    f"run: make synth"
                )
            if artifact["type"] == type_:
                yield id_, artifact

    def _named(self) -> Iterator[str]:
        for _, artifact in self.stack_artifacts():
            yield _plain(artifact["properties"]["templateFile"])
            if "additionalMetadataFile" in artifact:
                yield _plain(artifact["additionalMetadataFile"])
        for _, artifact in self.asset_artifacts():
            yield _plain(artifact["properties"]["file"])

    def _stacks(self) -> Iterator[Stack]:
        uploads = self._uploads()
        for id_, artifact in self.stack_artifacts():
            properties = artifact["properties"]
            account, region = artifact["environment"].removeprefix("aws://").split("/")
            of_account = None if account == _ANY_ACCOUNT else account
            template = _plain(properties["templateFile"])
            name = properties.get("stackName", id_)
            upload = uploads[template]
            beside = artifact.get("additionalMetadataFile")
            tags = properties.get("tags", {})
            further = self.read(beside) if beside else {}
            problem = (
                what_else_it_is(id_, name, (of_account, region), artifact, upload)
                or what_else_it_deploys(artifact, upload, region)
                or what_else_it_tells(artifact.get("metadata", {}), tags)
                or what_else_it_tells(further, tags)
            )
            if problem:
                raise ReviewError(
                    f"stack {name} ({id_}) of {self.folder} {problem}; run: make synth"
                )
            yield Stack(
                id=id_,
                name=name,
                account=of_account,
                region=None if region == _ANY_REGION else region,
                template=self.read(template),
                deployment_role=properties["assumeRoleArn"],
                execution_role=properties["cloudFormationExecutionRoleArn"],
                publishing_role=upload["assumeRoleArn"],
                bucket=upload["bucketName"],
                asset=f"{upload['bucketName']}/{upload['objectKey']}",
                digest=upload["digest"],
                tags=tags,
                wave=self._wave(name, artifact.get("metadata", {}), further),
                manifest=_without(upload["digest"], {"stack": artifact, "upload": upload}),
            )

    def _wave(self, name: str, *metadata: Mapping[str, Any]) -> int:
        try:
            return wave_of(*metadata)
        except ValueError as error:
            raise ReviewError(f"stack {name} of {self.folder} {error}; run: make synth") from None

    def _uploads(self) -> dict[str, Mapping[str, Any]]:
        """Where each template goes; ReviewError for an asset that is not a template of this
        assembly, or not the one that its hash names."""
        templates = {a["properties"]["templateFile"] for _, a in self.stack_artifacts()}
        found: dict[str, Mapping[str, Any]] = {}
        for id_, artifact in self.asset_artifacts():
            assets = self.read(artifact["properties"]["file"])
            sources = [asset["source"] for asset in assets.get("files", {}).values()]
            if assets.get("dockerImages") or any(
                source.keys() != {"path", "packaging"}
                or source["packaging"] != "file"
                or source["path"] not in templates
                for source in sources
            ):
                raise ReviewError(
                    f"{artifact['properties']['file']} holds an asset that is not a template; "
                    f"nothing else is deployed here"
                )
            for digest, asset in assets.get("files", {}).items():
                name = _plain(asset["source"]["path"])
                if digest != self._sha256(name):
                    raise ReviewError(
                        f"{self.folder / name} is not the template that its assembly names "
                        f"({digest}); run: make synth"
                    )
                (destination,) = asset["destinations"].values()
                found[name] = {**destination, "digest": digest, "artifact": id_}
        return found


def _anywhere(stack: Stack) -> tuple[str, ...]:
    """The roles without the Region in their names."""
    here = stack.region or _ANY_REGION
    return tuple(role.replace(here, "${AWS::Region}") for role in stack.roles)


def _plain(name: str) -> str:
    """A file's name; ReviewError for a path that leads elsewhere."""
    if not isinstance(name, str) or Path(name).name != name:
        raise ReviewError(f"the assembly names the file {name!r}, which is not beside it")
    return name


def _without(digest: str, value: Any) -> Any:
    """The value with a template's digest replaced: it follows from the template's content."""
    if isinstance(value, Mapping):
        return {key: _without(digest, each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without(digest, each) for each in value]
    return value.replace(digest, "TEMPLATE") if isinstance(value, str) else value
