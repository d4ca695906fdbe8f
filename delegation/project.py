"""A user's repository: the files that depend on a release of this project, written from its wheel.

The release is a wheel in ``wheels/``, pinned by its hash like every other package, so that a
repository needs no package index of its own. A company that has one puts the wheel there and
removes the line ``--find-links``.
"""

import hashlib
import re
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from json import loads
from pathlib import Path
from urllib.parse import unquote, urlparse

from delegation.errors import DelegationError

DISTRIBUTION = "delegated-administration"
_TEMPLATE = "delegation/project_template/"
_WHEEL = re.compile(r"delegated_administration-(?P<version>[^-]+)-py3-none-any\.whl")
_OF_RELEASE = ("Makefile", "app.py", "cdk.json", "package.json", "package-lock.json", "npmrc")
"""Files that an upgrade writes anew, beside the requirements."""
_NAMES = {"gitignore": ".gitignore", "npmrc": ".npmrc"}
_WORKFLOWS = ("check.yml", "review.yml", "deploy.yml", "doctor.yml")
_OF_USER = (
    *("deployments.py", "permissions.lock.json", "access.lock.md", "README.md", "gitignore"),
    *(
        "documents/Restart-EC2InstanceDemo.json",
        "documents/Restart-EC2InstanceDemo.delegation.yaml",
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A wheel of this project, and the files for a user's repository that it holds."""

    wheel: Path
    version: str
    """``0.7.0``."""
    files: Mapping[str, str]
    """The text of each file, by its name in the template."""

    @property
    def requirements(self) -> str:
        """The locked packages and the wheel itself, each with its hash."""
        digest = hashlib.sha256(self.wheel.read_bytes()).hexdigest()
        return (
            f"--find-links wheels\n{DISTRIBUTION}=={self.version} \\\n    --hash=sha256:{digest}\n"
            f"{self.files['requirements.txt']}"
        )


def read_release(wheel: Path | None) -> Release:
    """The release of a wheel, by default the one that is installed.

    DelegationError for a file that is not a wheel of this project.
    """
    path = wheel or _installed_wheel()
    match = _WHEEL.fullmatch(path.name)
    if match is None:
        raise DelegationError(
            f"{path} is not a wheel of {DISTRIBUTION}; name one as make wheel builds it: "
            f"--wheel dist/delegated_administration-VERSION-py3-none-any.whl"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            files = {
                name.removeprefix(_TEMPLATE): archive.read(name).decode()
                for name in archive.namelist()
                if name.startswith(_TEMPLATE)
            }
    except (OSError, zipfile.BadZipFile) as error:
        raise DelegationError(f"{path} cannot be read: {error}") from None
    return Release(wheel=path, version=match["version"], files=files)


def _installed_wheel() -> Path:
    """The wheel that this program was installed from."""
    try:
        text = distribution(DISTRIBUTION).read_text("direct_url.json")
    except PackageNotFoundError:
        text = None
    wheels = sorted(Path("dist").glob("delegated_administration-*.whl"))
    if text is not None:
        return Path(unquote(urlparse(loads(text)["url"]).path))
    if len(wheels) == 1:
        return wheels[0]
    raise DelegationError(
        "which release the repository depends on is not known; build one with make wheel, or name "
        "a wheel: --wheel FILE"
    )


def write_project(folder: Path, release: Release) -> list[str]:
    """Writes a user's repository into a new or empty folder; what is left to do, a line each.

    In a folder of a larger git repository the workflows go to the root of that repository, where
    the code host reads them. DelegationError, with nothing written, where a file is in the way.
    """
    files = {folder / _NAMES.get(name, name): release.files[name] for name in _OF_USER}
    files |= _of_release(folder, release)
    root = _git_root(folder)
    files |= _workflows(root or folder, release, below=folder if root else None)
    owners = (root or folder) / ".github" / "CODEOWNERS"
    left: list[str] = []
    if owners.exists():
        prefix = f"/{folder.resolve().relative_to(root.resolve())}" if root else ""
        left += [
            f"add to {owners}: {prefix}/ for the administrators, then {prefix}/documents/ for the "
            f"authors"
        ]
    else:
        files[owners] = release.files["CODEOWNERS"]
    if existing := [str(path) for path in files if path.exists()]:
        raise DelegationError(
            f"{', '.join(existing)}: exists; nothing was written, name a new folder"
        )
    _write(files)
    _put_wheel(folder, release)
    return left


def upgrade_project(folder: Path, release: Release) -> None:
    """Writes the files of a newer release over those of an older one; the user's stay."""
    if not (folder / "wheels").is_dir():
        raise DelegationError(
            f"{folder} has no wheels/: it is not a repository that python -m delegation init wrote"
        )
    root = _git_root(folder)
    workflows = _workflows(root or folder, release, below=folder if root else None)
    _write({**_of_release(folder, release), **workflows})
    for old in (folder / "wheels").glob("*.whl"):
        if old.name != release.wheel.name:
            old.unlink()
    _put_wheel(folder, release)


def _of_release(folder: Path, release: Release) -> dict[Path, str]:
    files = {folder / _NAMES.get(name, name): release.files[name] for name in _OF_RELEASE}
    return {**files, folder / "requirements.txt": release.requirements}


def _workflows(root: Path, release: Release, *, below: Path | None) -> dict[Path, str]:
    """The workflows, at the root of the repository; of a project in a folder of it, each runs
    there and has a name of its own."""
    folder = root / ".github" / "workflows"
    if below is None:
        return {folder / name: release.files[name] for name in _WORKFLOWS}
    inner = below.resolve().relative_to(root.resolve()).as_posix()
    return {
        folder / f"{inner.replace('/', '-')}-{name}": _in_folder(release.files[name], inner)
        for name in _WORKFLOWS
    }


def _in_folder(workflow: str, folder: str) -> str:
    """A workflow whose commands run in a folder: artifacts are named from the root."""
    name = f"{folder.replace('/', '-')}-"
    located = re.sub(r"^(\s+path: )(cdk\.out|assembly)$", rf"\1{folder}/\2", workflow, flags=re.M)
    located = re.sub(r"^(name: )", rf"\1{name}", located, count=1, flags=re.M)
    located = re.sub(r"^(  group: )", rf"\1{name}", located, count=1, flags=re.M)
    defaults = f"defaults:\n  run:\n    working-directory: {folder}\n\n"
    return located.replace("permissions: {}\n\n", f"permissions: {{}}\n\n{defaults}", 1)


def _git_root(folder: Path) -> Path | None:
    """The root of the git repository that a folder is in, if it is not the folder itself."""
    existing = next(each for each in (folder.resolve(), *folder.resolve().parents) if each.is_dir())
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--show-toplevel"],  # noqa: S607 - git, wherever it is
            cwd=existing,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    root = Path(done.stdout.strip())
    return root if done.returncode == 0 and root != folder.resolve() else None


def _write(files: Mapping[Path, str]) -> None:
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def _put_wheel(folder: Path, release: Release) -> None:
    target = folder / "wheels" / release.wheel.name
    target.parent.mkdir(exist_ok=True)
    if target.resolve() != release.wheel.resolve():
        shutil.copyfile(release.wheel, target)
