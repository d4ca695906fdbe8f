"""A cloud assembly as a deployment reads it: its stacks, and a digest of all that deploys them.

The CDK CLI believes an assembly: it compares no file with the hash that names it, and runs a
command where an asset names one. What is deployed unattended is checked here before.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError

ADMINISTRATION_STACK, RUNBOOKS_STACK = "AdministrationStack", "RunbooksStack"
PIPELINE_STACK = "PipelineStack"

_STACK = "aws:cloudformation:stack"
_ASSETS = "cdk:asset-manifest"
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
    publishing_role: str
    """The same, of the role that uploads the template."""
    bucket: str
    """Where the template is uploaded to, with the same placeholders."""


class Assembly:
    """The assembly in a folder; PipelineError for what is not one, or not as CDK writes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / "manifest.json").is_file():
            raise PipelineError(f"{folder} holds no manifest.json; write an assembly: make synth")
        self.manifest = self.read("manifest.json")
        try:
            self.stacks = tuple(self._stacks())
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise PipelineError(
                f"{folder} is not of the form that CDK writes: {type(error).__name__}: {error}; "
                f"run: make synth"
            ) from None
        if not self.stacks:
            raise PipelineError(f"{folder / 'manifest.json'} names no stack")

    @cached_property
    def digest(self) -> str:
        """SHA-256 over every file that a deployment reads, in hexadecimal."""
        lines = [f"{_sha256(self.folder / name)}  {name}\n" for name in self.files]
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The names of the files that a deployment reads, sorted."""
        return tuple(sorted({"manifest.json", *self._named()}))

    def named(self, *names: str) -> tuple[Stack, ...]:
        """The stacks of these names, in the order of the names, then of the assembly."""
        return tuple(stack for name in names for stack in self.stacks if stack.name == name)

    def copy_to(self, folder: Path) -> "Assembly":
        """The same assembly in another folder, without any file that no deployment reads."""
        folder.mkdir(parents=True)
        for name in self.files:
            shutil.copyfile(self.folder / name, folder / name)
        return Assembly(folder)

    def require(self, digest: str) -> None:
        """Raises PipelineError unless the assembly's digest is the given one."""
        if digest != self.digest:
            raise PipelineError(
                f"the assembly in {self.folder} has the digest {self.digest}, not {digest}, which "
                f"was reviewed; deploy the reviewed one, or review this one: make review BASE=…"
            )

    def read(self, name: str) -> Any:
        """The JSON of a file of the assembly."""
        path = self.folder / _plain(name)
        try:
            return json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise PipelineError(f"{path} cannot be read: {error}; run: make synth") from None

    @property
    def _artifacts(self) -> Mapping[str, Any]:
        artifacts = self.manifest.get("artifacts") if isinstance(self.manifest, dict) else None
        return artifacts if isinstance(artifacts, dict) else {}

    def _of_type(self, type_: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for id_, artifact in self._artifacts.items():
            if artifact.get("type") == type_:
                yield id_, artifact

    def _named(self) -> Iterator[str]:
        for _, artifact in self._of_type(_STACK):
            yield _plain(artifact["properties"]["templateFile"])
            if "additionalMetadataFile" in artifact:
                yield _plain(artifact["additionalMetadataFile"])
        for _, artifact in self._of_type(_ASSETS):
            yield _plain(artifact["properties"]["file"])

    def _stacks(self) -> Iterator[Stack]:
        uploads = self._uploads()
        for id_, artifact in self._of_type(_STACK):
            properties = artifact["properties"]
            account, region = artifact["environment"].removeprefix("aws://").split("/")
            template = _plain(properties["templateFile"])
            upload = uploads.get(template)
            if upload is None or "assumeRoleArn" not in properties:
                raise PipelineError(
                    f"stack {id_} of {self.folder} is not deployed by roles of cdk bootstrap or of "
                    f"an author; run: make synth"
                )
            yield Stack(
                id=str(artifact.get("displayName", id_)).split(" ")[0],
                name=properties.get("stackName", id_),
                account=None if account == _ANY_ACCOUNT else account,
                region=None if region == _ANY_REGION else region,
                template=self.read(template),
                deployment_role=properties["assumeRoleArn"],
                publishing_role=upload["assumeRoleArn"],
                bucket=upload["bucketName"],
            )

    def _uploads(self) -> dict[str, Mapping[str, Any]]:
        """Where each template goes; PipelineError for an asset that is no template of this
        assembly, or not the one that its hash names."""
        found: dict[str, Mapping[str, Any]] = {}
        for _, artifact in self._of_type(_ASSETS):
            assets = self.read(artifact["properties"]["file"])
            for digest, asset in assets.get("files", {}).items():
                source = asset["source"]
                if assets.get("dockerImages") or source.keys() != {"path", "packaging"}:
                    raise PipelineError(
                        f"{artifact['properties']['file']} holds an asset that is made at its "
                        f"upload; only templates are deployed here"
                    )
                name = _plain(source["path"])
                if digest != _sha256(self.folder / name):
                    raise PipelineError(
                        f"{self.folder / name} is not the template that its assembly names "
                        f"({digest}); run: make synth"
                    )
                (found[name],) = asset["destinations"].values()
        return found


def _plain(name: str) -> str:
    """A file's name; PipelineError for a path that leads elsewhere."""
    if not isinstance(name, str) or Path(name).name != name:
        raise PipelineError(f"the assembly names the file {name!r}, which is not beside it")
    return name


def _sha256(path: Path) -> str:
    if path.is_symlink() or not path.is_file():
        raise PipelineError(f"{path} is no file of the assembly; run: make synth")
    return hashlib.sha256(path.read_bytes()).hexdigest()
