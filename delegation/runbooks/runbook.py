"""Runbooks: the files of ``documents/``, checked before they are synthesized."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from delegation.errors import DelegationError
from delegation.files import FileError, Source, no_source, read_source
from delegation.runbooks.checks.document import check_document
from delegation.runbooks.checks.findings import Finding, Findings, unreadable
from delegation.runbooks.checks.rules import Rule
from delegation.runbooks.permissions import Need, needs_of
from delegation.runbooks.sidecar import SIDECAR_ENDING, Sidecar, read_sidecar
from delegation.user_files import documents, shown

RESERVED_PREFIXES = ("aws", "amazon", "amzn")
"""What no own document's name may begin with, in any case. Source: CreateDocument, Name."""

_ENDINGS = (".json", ".yaml", ".yml")
_NAME = re.compile(r"[A-Za-z0-9_.-]{3,128}")


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
        """The parameters without a default, which anyone who starts the runbook has to give."""
        parameters = self.content.get("parameters") or {}
        return tuple(name for name, field in parameters.items() if "default" not in field)


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """What the check of one runbook's file gave."""

    runbook: Runbook
    """The runbook; not to be used where there are findings."""
    findings: tuple[Finding, ...]
    """What is wrong with its document and its sidecar."""


def load_runbooks(names: Iterable[str], folder: Path | None = None) -> dict[str, Runbook]:
    """The named runbooks of a folder, ``documents/`` unless another is given.

    Raises DelegationError for one that is missing, and for any bad file, named or not.
    """
    folder = folder or documents()
    files = runbook_files(folder)
    for name in names:
        if name not in files:
            raise _unknown(name, files, folder)
    checked = {name: check_runbook(path) for name, path in files.items()}
    if findings := [finding for each in checked.values() for finding in each.findings]:
        raise DelegationError(
            f"the check of {shown(folder)}/ found:\n" + "\n".join(f"  {f}" for f in findings)
        )
    return {name: checked[name].runbook for name in names}


def runbook_files(folder: Path | None = None) -> dict[str, Path]:
    """Every runbook file of a folder, ``documents/`` unless another is given, by name.

    Raises DelegationError where two share a name, or a sidecar belongs to none.
    """
    folder = folder or documents()
    if not folder.is_dir():
        raise DelegationError(f"{shown(folder)}/ does not exist; runbooks stand there")
    files: dict[str, Path] = {}
    sidecars = []
    for path in sorted(folder.iterdir()):
        if path.name.endswith((SIDECAR_ENDING, ".delegation.yml", ".delegation.json")):
            sidecars.append(path)
        elif _ending(path) in _ENDINGS:
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


def check_runbook(path: Path) -> Checked:
    """The runbook in a file with its sidecar, and everything that is wrong with either.

    Raises DelegationError for a path that can be no runbook.
    """
    if not path.name or path.is_dir():
        raise DelegationError(f"{str(path)!r} is a folder, not the file of a runbook")
    if path.name.endswith(SIDECAR_ENDING):
        raise DelegationError(
            f"{shown(path)}: is a sidecar; name the document that it stands beside"
        )
    name, beside = _name(path), path.with_name(_name(path) + SIDECAR_ENDING)
    found: list[Finding] = []
    document = _read(path, found)
    findings = Findings(document)
    _check_name(name, findings)
    source = _read(beside, found) if _stands(beside) else no_source(beside)
    beside_findings = Findings(source)
    sidecar, needs = Sidecar(), tuple[Need, ...]()
    if not found:
        sidecar = read_sidecar(source, document.content, beside_findings)
        check_document(document, sidecar.free_parameters, findings)
        needs = needs_of(document.content, sidecar.needs, findings, beside_findings)
    runbook = Runbook(
        name=name,
        file=shown(path),
        content=document.content,
        target_type=sidecar.target_type,
        needs=needs,
    )
    return Checked(
        runbook=runbook, findings=(*found, *findings.sorted(), *beside_findings.sorted())
    )


def _read(path: Path, found: list[Finding]) -> Source:
    """The source in a file; an empty one, with a finding, where it cannot be read."""
    try:
        return read_source(path)
    except FileError as error:
        found.append(unreadable(error))
        return no_source(path)


def _stands(path: Path) -> bool:
    """Whether there is a file, or a link whose target is missing."""
    return path.exists() or path.is_symlink()


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


def name_faults(name: str) -> Iterator[str]:
    """Why no document can have a name: what is allowed."""
    if not _NAME.fullmatch(name):
        yield "a file is named NAME.yaml or NAME.json: 3 to 128 letters, digits or _.-"
    for prefix in RESERVED_PREFIXES:
        if name.lower().startswith(prefix):
            yield f"rename the file: AWS reserves names that begin with {prefix!r}"


def _check_name(name: str, findings: Findings) -> None:
    """Notes a file whose name no document can have."""
    for allowed in name_faults(name):
        findings.add(Rule.FILE_NAME, (), f"the document would be named {name!r}", allowed)
