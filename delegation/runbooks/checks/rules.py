"""The rules of the check: each with its id, what it finds, and the source of the requirement."""

from enum import Enum

_GUIDE = "Systems Manager User Guide"
_SYNTAX = f"{_GUIDE}, Schemas, features, and examples"
_ACTIONS = f"{_GUIDE}, Systems Manager Automation actions reference"
_CREATE = "Systems Manager API Reference, CreateDocument"
_DESIGN = "this project: docs/decisions/1-accepted-power.md"


class Rule(Enum):
    """A kind of mistake. The value is its id; docs/check.md is generated from these."""

    summary: str
    source: str

    def __new__(cls, id_: str, summary: str, source: str) -> "Rule":
        """A rule with an id, a summary and a source."""
        rule = object.__new__(cls)
        rule._value_ = id_
        rule.summary, rule.source = summary, source
        return rule

    UNREADABLE = (
        "unreadable",
        "a file that is not a JSON or YAML object, or holds what JSON lacks",
        _CREATE,
    )
    FILE_NAME = "file-name", "a file whose document SSM would not accept by that name", _CREATE
    REPEATED_KEY = (
        "repeated-key",
        "a key that stands twice in an object, of which the last would win",
        "RFC 8259, Objects",
    )
    SCHEMA_VERSION = "schema-version", 'anything but `"0.3"`, in quotes', _SYNTAX
    SIZE = "size", "more than 64 KB as deployed", _CREATE
    DEPLOY = (
        "deploy",
        "what CDK or CloudFormation would read or change instead of deploying it: null, `Fn::…`, "
        "`{{resolve:…}}`, huge numbers",
        "CloudFormation User Guide, Intrinsic function reference; Dynamic references",
    )
    SHAPE = "shape", "a list, object or string where another is expected", _SYNTAX
    UNKNOWN_FIELD = (
        "unknown-field",
        "a field that documents, parameters or steps do not have",
        _SYNTAX,
    )
    NAME = "name", "a parameter or step whose name SSM does not accept", _SYNTAX
    TYPE = (
        "type",
        "a value, reference, default or output of another type than is expected; an unknown type",
        _SYNTAX,
    )
    BOUND = "bound", "bounds of a parameter that exclude each other", _SYNTAX
    DEFAULT = (
        "default",
        "a default outside `allowedValues`, `allowedPattern` or bounds",
        _SYNTAX,
    )
    PATTERN = "pattern", "an `allowedPattern` that does not compile", _SYNTAX
    UNUSED_PARAMETER = "unused-parameter", "a parameter that no step uses", _SYNTAX
    UNKNOWN_REFERENCE = (
        "unknown-reference",
        "a reference to a parameter, variable, step or output that does not exist, however deep",
        _SYNTAX,
    )
    ACTION = "action", "an action that does not exist", _ACTIONS
    REQUIRED = "required", "an input that is missing, or several of which one is required", _ACTIONS
    UNKNOWN_INPUT = "unknown-input", "an input that the action does not have", _ACTIONS
    VALUE = "value", "a value outside an enumeration, bound or pattern of its input", _ACTIONS
    OUTPUTS = (
        "outputs",
        "an output without Name or Selector, or named twice",
        f"{_GUIDE}, Using action outputs as inputs",
    )
    BRANCH = "branch", "a choice or condition that is not valid", f"{_ACTIONS}, aws:branch"
    FLOW = (
        "flow",
        "`nextStep`, `onFailure`, `onCancel`, `isEnd` or a choice that leads nowhere",
        f"{_GUIDE}, Properties shared by all actions",
    )
    DUPLICATE_STEP = (
        "duplicate-step",
        "a step's name that stands twice, within loops as well",
        _SYNTAX,
    )
    UNREACHABLE = "unreachable", "a step that is never reached", f"{_ACTIONS}, aws:branch"
    CIRCLE = "circle", "steps that run in a circle", f"{_ACTIONS}, aws:loop"
    TOO_EARLY = "too-early", "the output of a step that cannot have run yet", _SYNTAX
    API = (
        "api",
        "a Service, Api or parameter that AWS's own model does not have, or requires",
        "botocore's model of the service",
    )
    SELECTOR = (
        "selector",
        "a selector of what the API's answer does not have",
        "botocore's model of the service",
    )
    ASSUME_ROLE = "assume-role", "`assumeRole` in a source document", _DESIGN
    ROLE_PARAMETER = (
        "role-parameter",
        "a parameter through which the caller would choose a role",
        _DESIGN,
    )
    FREE_TEXT = (
        "free-text",
        "a String or StringList that takes any text: no values, no pattern, or one without anchors",
        _DESIGN,
    )
    NEEDS = (
        "needs",
        "a step whose calls cannot be seen and are not declared; needs declared for a step "
        "without need",
        _DESIGN,
    )
    SIDECAR = "sidecar", "a mistake in the `.delegation.yaml` beside the document", _DESIGN


def rules_table() -> str:
    """All rules as the Markdown table of docs/check.md."""
    rows = [f"| `{rule.value}` | {rule.summary} | {rule.source} |" for rule in Rule]
    return "\n".join(["| rule | finds | source |", "|---|---|---|", *rows])
