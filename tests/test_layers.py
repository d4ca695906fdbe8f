"""The walls of the house: who may import whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent

_FORBIDDEN = {
    "delegation": {"aws_cdk", "cdk_nag", "constructs", "boto3", "botocore", "stacks", "sandbox"},
    "stacks": {"boto3", "botocore", "sandbox", "rehearsal"},
    "sandbox": {"aws_cdk", "cdk_nag", "constructs", "delegation", "stacks", "deployments"},
    "review": {"aws_cdk", "cdk_nag", "constructs", "boto3", "delegation", "stacks", "sandbox"},
    "pipeline": {"aws_cdk", "cdk_nag", "constructs", "delegation", "stacks", "deployments"},
    "operate": {
        *("aws_cdk", "cdk_nag", "constructs", "delegation", "stacks", "sandbox", "rehearsal"),
        *("review", "pipeline", "deployments"),
    },
    "rehearsal": {"aws_cdk", "cdk_nag", "constructs", "delegation", "stacks", "deployments"},
}
_STORY = PROJECT / "rehearsal" / "deployments.py"
"""The story's configuration: read by the copied project, never imported by the rehearsal."""


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(str(node.module).split(".")[0])
    return found


@pytest.mark.parametrize("package", _FORBIDDEN)
def test_package_keeps_behind_its_wall(package: str) -> None:
    modules = [path for path in (PROJECT / package).rglob("*.py") if path != _STORY]

    assert modules
    crossing = {
        str(path.relative_to(PROJECT)): sorted(_imports(path) & _FORBIDDEN[package])
        for path in modules
        if _imports(path) & _FORBIDDEN[package]
    }
    assert crossing == {}


def test_only_stacks_and_the_app_import_aws_cdk() -> None:
    importing = {
        path.relative_to(PROJECT).parts[0]
        for path in PROJECT.rglob("*.py")
        if not {".venv", "node_modules", "tests", "benchmarks", "deployments.py"} & {*path.parts}
        if "aws_cdk" in _imports(path)
    }

    assert {"stacks", "app.py"} == importing


def test_a_report_to_github_needs_no_package() -> None:
    """The job that comments installs nothing."""
    code = (
        "import sys; import pipeline.report, pipeline.__main__; "
        "print(sorted(name for name in sys.modules if name in ('boto3', 'botocore', 'yaml')))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"


def test_story_is_imported_by_no_module_of_the_rehearsal() -> None:
    modules = [path for path in (PROJECT / "rehearsal").rglob("*.py") if path != _STORY]

    assert all("rehearsal.deployments" not in path.read_text("utf-8") for path in modules)


def test_model_reads_a_region_without_importing_botocore() -> None:
    code = (
        "import sys; from delegation.regions import partition_of; "
        "print(partition_of('cn-north-1'), 'botocore' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )

    assert done.stdout == "aws-cn False\n"
