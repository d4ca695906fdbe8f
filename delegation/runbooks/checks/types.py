"""The types of values in a runbook, and which may stand where.

Source: Systems Manager User Guide, Data elements and parameters.
"""

SCALARS = ("String", "Integer", "Boolean")
LISTS = ("StringList", "MapList")
PARAMETER_TYPES = ("String", "StringList", "Integer", "Boolean", "StringMap", "MapList")
OUTPUT_TYPES = (
    "String",
    "StringList",
    "Integer",
    "IntegerList",
    "Boolean",
    "BooleanList",
    "StringMap",
    "MapList",
)
_IDS = ("AWS::EC2::Instance::Id", "AWS::IAM::Role::Arn", "AWS::S3::Bucket::Name")
TYPED_IDS = (*_IDS, *(f"List<{kind}>" for kind in _IDS))
"""Source: Systems Manager User Guide, Populating input parameters that require AWS resources."""


def plain(kind: str) -> str:
    """The plain type that a type behaves as: a typed id as ``String``, a list of them as
    ``StringList``."""
    if kind.startswith("List<") or kind in ("IntegerList", "BooleanList"):
        return "StringList"
    return "String" if kind.startswith("AWS::") else kind


def fits(kind: str, wanted: str, *, is_output: bool = False, in_list: bool = False) -> bool:
    """Whether a reference of a type may stand where another is wanted.

    Automation writes texts, numbers and truth values for one another, and puts the values of a
    list into the list around it. An output is also made into a list of one, and back; a
    parameter is not.
    Source: Systems Manager User Guide, Using action outputs as inputs.
    """
    kind, wanted = plain(kind), plain(wanted)
    if "Any" in (kind, wanted):
        return True
    if wanted == "AnyList":
        return kind in LISTS or (is_output and kind in SCALARS)
    if wanted in SCALARS:
        return kind in SCALARS or (kind == "StringList" and (is_output or in_list))
    if wanted == "StringList":
        return kind == wanted or (is_output and kind in SCALARS)
    return kind == wanted or (in_list and kind == "MapList")
