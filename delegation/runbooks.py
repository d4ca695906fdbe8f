"""Runbooks: the files of ``documents/``, read and refused early when SSM would refuse them late."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from delegation.errors import DelegationError
from delegation.files import read_mapping, refuse_what_cloudformation_reads, shown
from delegation.model import ServiceRole
from delegation.needs import DeclaredNeed, Need, needs_of

DOCUMENTS = Path(__file__).resolve().parent.parent / "documents"

SIDECAR_ENDING = ".delegation.yaml"
MAXIMUM_BYTES = 64 * 1024
"""Largest document SSM takes. Source: SSM API Reference, CreateDocument, Content."""
ASSUME_ROLE_BYTES = len('"assumeRole": "arn:aws-us-gov:iam::123456789012:role/", ') + 64
"""Room that the deployed ``assumeRole`` takes, with the longest role name."""
RESERVED_PREFIXES = ("aws", "amazon", "amzn")
"""What no own document's name may begin with, in any case. Source: CreateDocument, Name."""

_ENDINGS = (".json", ".yaml", ".yml")
_NAME = re.compile(r"[A-Za-z0-9_.-]{3,128}")
_PARAMETER = re.compile(r"[A-Za-z0-9_]{1,64}")
_TARGET_TYPE = re.compile(r"/[\w.:/-]{0,199}")
_SIDECAR_KEYS = {"targetType", "needs"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Runbook:
    """One approved runbook: an SSM Automation document and what its steps need."""

    name: str
    """The document's name in SSM: the file's name without its ending."""
    file: str
    """The file it was read from, for messages."""
    content: Mapping[str, Any]
    """The document as SSM takes it, without ``assumeRole``."""
    target_type: str
    """The kind of resource it runs on, ``/AWS::EC2::Instance``; ``/`` for any.
    Source: SSM API Reference, CreateDocument, TargetType."""
    needs: tuple[Need, ...]
    """The IAM actions its steps need, in the order of the steps."""

    @property
    def required_parameters(self) -> tuple[str, ...]:
        """The parameters without a default, which whoever starts the runbook has to give."""
        parameters = self.content.get("parameters") or {}
        return tuple(name for name, field in parameters.items() if "default" not in field)

    def deployed_content(self, assume_role: object) -> dict[str, Any]:
        """The document with ``assumeRole`` wired to the service role's ARN (a string or token)."""
        return {**self.content, "assumeRole": assume_role}


def needs_of_role(role: ServiceRole, runbooks: Mapping[str, Runbook]) -> tuple[Need, ...]:
    """What the steps of a service role's runbooks need, runbook by runbook."""
    return tuple(need for name in role.runbooks for need in runbooks[name].needs)


def load_runbooks(names: Iterable[str], folder: Path = DOCUMENTS) -> dict[str, Runbook]:
    """The named runbooks of a folder; raises DelegationError for one that is missing, and for any
    file of the folder that is bad, named or not."""
    files = runbook_files(folder)
    runbooks = {name: read_runbook(path) for name, path in files.items()}
    for name in names:
        if name not in files:
            raise _unknown(name, files, folder)
    return {name: runbooks[name] for name in names}


def runbook_files(folder: Path = DOCUMENTS) -> dict[str, Path]:
    """Every runbook file of a folder by name; raises DelegationError where two share a name, or a
    sidecar belongs to none."""
    files: dict[str, Path] = {}
    sidecars = []
    for path in sorted(folder.iterdir()):
        if path.name.endswith((SIDECAR_ENDING, ".delegation.yml", ".delegation.json")):
            sidecars.append(path)
        elif path.is_file() and _ending(path) in _ENDINGS:
            name = _name(path)
            if name in files:
                raise DelegationError(
                    f"runbook {name!r} stands twice: {shown(files[name])} and {shown(path)}; "
                    f"keep one"
                )
            files[name] = path
    for path in sidecars:
        if path.name.removesuffix(SIDECAR_ENDING) not in files:
            raise DelegationError(
                f"{shown(path)}: belongs to no runbook; it is called as the document, "
                f"NAME{SIDECAR_ENDING}"
            )
    return files


def read_runbook(path: Path) -> Runbook:
    """The runbook in a file and its sidecar; raises DelegationError where SSM would refuse it."""
    file = shown(path)
    name = _checked_name(_name(path), file)
    content = read_mapping(path)
    refuse_what_cloudformation_reads(content, file)
    if "assumeRole" in content:
        raise DelegationError(
            f"{file}: holds assumeRole {content['assumeRole']!r}; remove the line, "
            f"the deployment wires the service role of deployments.py"
        )
    parameters = content.get("parameters", {})
    if not isinstance(parameters, dict) or not all(
        isinstance(field, dict) and _PARAMETER.fullmatch(name) for name, field in parameters.items()
    ):
        raise DelegationError(
            f"{file}: parameters is not an object of parameters by name (letters, digits and _)"
        )
    size = len(json.dumps(content).encode()) + ASSUME_ROLE_BYTES
    if size > MAXIMUM_BYTES:
        raise DelegationError(
            f"{file}: is {size:,} bytes as deployed with assumeRole; "
            f"SSM takes {MAXIMUM_BYTES:,} (64 KB); split it into runbooks of their own"
        )
    if content.get("schemaVersion") != "0.3":
        raise DelegationError(
            f"{file}: schemaVersion is {content.get('schemaVersion')!r}; an Automation document "
            f'has "0.3", in quotes'
        )
    target_type, declared = _read_sidecar(path.with_name(name + SIDECAR_ENDING))
    return Runbook(
        name=name,
        file=file,
        content=content,
        target_type=target_type,
        needs=needs_of(content, declared, file),
    )


def _name(path: Path) -> str:
    """A document's name: its file's, without the ending; empty for a file that is but an ending."""
    return "" if path.name in _ENDINGS else path.stem


def _ending(path: Path) -> str:
    return path.name if path.name in _ENDINGS else path.suffix


def _unknown(name: str, files: Mapping[str, Path], folder: Path) -> DelegationError:
    nearest = get_close_matches(name, files, n=1)
    hint = f"; nearest: {nearest[0]}" if nearest else ""
    known = ", ".join(sorted(files)) or "none"
    return DelegationError(
        f"runbook {name!r} is not in {shown(folder)}/; known: {known}{hint} (deployments.py)"
    )


def _checked_name(name: str, file: str) -> str:
    if not name:
        raise DelegationError(f"{file}: has no name; a document is called as its file, NAME.json")
    if not _NAME.fullmatch(name):
        raise DelegationError(
            f"{file}: name {name!r} is not 3 to 128 letters, digits or _.-; rename the file"
        )
    for prefix in RESERVED_PREFIXES:
        if name.lower().startswith(prefix):
            raise DelegationError(
                f"{file}: name {name!r} begins with {prefix!r}, which AWS reserves; rename the file"
            )
    return name


def _read_sidecar(path: Path) -> tuple[str, tuple[DeclaredNeed, ...]]:
    """The target type and declared needs beside a document; ``/`` and none where no file is."""
    if not path.exists():
        return "/", ()
    sidecar, file = read_mapping(path), shown(path)
    if unknown := sorted(map(str, set(sidecar) - _SIDECAR_KEYS)):
        raise DelegationError(
            f"{file}: unknown key {unknown[0]!r}; known: {', '.join(sorted(_SIDECAR_KEYS))}"
        )
    target_type = sidecar.get("targetType", "/")
    if not isinstance(target_type, str) or not _TARGET_TYPE.fullmatch(target_type):
        raise DelegationError(
            f"{file}: targetType {target_type!r} is not / and up to 199 letters, digits or _.:/-, "
            f"as in /AWS::EC2::Instance"
        )
    declared = sidecar.get("needs", [])
    if not isinstance(declared, list):
        raise DelegationError(f"{file}: needs is not a list of declared needs")
    return target_type, tuple(DeclaredNeed.read(entry, file) for entry in declared)
