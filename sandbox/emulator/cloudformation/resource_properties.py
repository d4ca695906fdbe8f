"""The properties of the resource types that CloudFormation makes here.

Read from what CDK generates from CloudFormation's own schemas, aws-cdk-lib 2.275.0:

    python -m sandbox.emulator.cloudformation.resource_properties FOLDER

with the folder of aws-cdk-lib as it is unpacked below .venv/jsii-cache.
"""

import json
import re
import sys
from functools import cache
from pathlib import Path

_DATA = Path(__file__).with_suffix(".json")
_CLASS = re.compile(r'class (Cfn\w+) extends [^{]*\{[^;]*;static CFN_RESOURCE_TYPE_NAME="([\w:]+)"')


def properties_of(type_: str) -> frozenset[str]:
    """The names of a type's properties; raises KeyError for a type that the data lacks."""
    return _known()[type_]


@cache
def _known() -> dict[str, frozenset[str]]:
    read = json.loads(_DATA.read_text("utf-8"))
    return {type_: frozenset(names) for type_, names in read.items()}


def _generated(folder: Path) -> dict[str, list[str]]:
    """The properties of every type of an unpacked aws-cdk-lib, by type."""
    found = {}
    for path in sorted(folder.glob("*/lib/*.generated.js")):
        text = path.read_text("utf-8")
        for name, type_ in _CLASS.findall(text):
            start = text.index(f"function convert{name}PropsToCloudFormation(properties)")
            body = text[start : text.index(":properties}", start)]
            found[type_] = sorted(set(re.findall(r"[{,](\w+):(?:cdk\(\)\.|convert)", body)))
    return found


def _write(folder: Path) -> None:
    from sandbox.emulator.patches import resource_types

    generated = _generated(folder)
    lines = [
        f"{json.dumps(type_)}: {json.dumps(generated[type_])}"
        for type_ in sorted(resource_types() & generated.keys())
    ]
    _DATA.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
