"""AWS's own models of its APIs, as botocore ships them: read as data files, one service at a time.

Source: botocore/data/SERVICE/VERSION/service-2.json.gz.
"""

import gzip
import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any


@cache
def services() -> tuple[str, ...]:
    """The names of all services, as boto3 and ``aws:executeAwsApi`` know them."""
    return tuple(sorted(path.name for path in botocore_data().iterdir() if path.is_dir()))


@cache
def model(service: str) -> dict[str, Any]:
    """The newest model of a service: its ``operations`` and ``shapes``."""
    versions = sorted((botocore_data() / service).glob("*/service-2.json.gz"))
    loaded: dict[str, Any] = json.loads(gzip.decompress(versions[-1].read_bytes()))
    return loaded


@cache
def botocore_data() -> Path:
    """The folder of botocore's data files; botocore itself is not imported."""
    spec = find_spec("botocore")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("botocore is not installed", name="botocore")
    return Path(spec.submodule_search_locations[0]) / "data"
