"""CloudFormation's intrinsic functions, resolved for one account, Region and partition."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from review.errors import ReviewError
from review.templates.files import strings_in

NO_VALUE = object()
"""What ``AWS::NoValue`` comes to: the property is not there."""

DYNAMIC = "{{resolve:"
"""How a dynamic reference begins: CloudFormation puts a value there that no template holds."""

_MOST_CHARACTERS = 1024 * 1024
"""Of a string that functions make: CloudFormation takes no longer template."""
_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]*)\}")
_URL_SUFFIXES = {"aws-cn": "amazonaws.com.cn"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """Where a template is deployed."""

    account: str
    """12 digits."""
    region: str
    partition: str
    """``aws``, ``aws-cn``, ``aws-us-gov``, …"""
    assumed: tuple[str, ...] = ()
    """``account``, ``Region``: what neither the templates fix nor the caller names."""

    def iam_arn(self, resource: str) -> str:
        """The ARN of an IAM resource: ``role/NAME``, ``user/NAME``, ``root``."""
        return f"arn:{self.partition}:iam::{self.account}:{resource}"

    def ssm_arn(self, resource: str) -> str:
        """The ARN of an SSM resource: ``document/NAME``, ``automation-execution/ID``."""
        return f"arn:{self.partition}:ssm:{self.region}:{self.account}:{resource}"

    def scheduler_arn(self, resource: str, region: str) -> str:
        """The ARN of something of EventBridge Scheduler: ``schedule/GROUP/NAME``,
        ``schedule-group/NAME``."""
        return f"arn:{self.partition}:scheduler:{region}:{self.account}:{resource}"

    def pseudo_parameters(self, stack: str) -> dict[str, object]:
        """The pseudo parameters of CloudFormation for a stack of this name.

        Source: AWS CloudFormation Template Reference, Pseudo parameters.
        """
        suffix = _URL_SUFFIXES.get(self.partition, "amazonaws.com")
        return {
            "AWS::AccountId": self.account,
            "AWS::Region": self.region,
            "AWS::Partition": self.partition,
            "AWS::URLSuffix": suffix,
            "AWS::StackName": stack,
            "AWS::NoValue": NO_VALUE,
        }


class Undetermined(ReviewError):
    """A value depends on an account or Region that nothing fixes."""


_BY_PLACE = {
    "account": ("AWS::AccountId",),
    "Region": ("AWS::Region", "AWS::Partition", "AWS::URLSuffix"),
}
FUNCTIONS = {
    *("Ref", "Condition", "Fn::Sub", "Fn::Join", "Fn::GetAtt", "Fn::FindInMap", "Fn::Select"),
    *("Fn::Split", "Fn::If", "Fn::Equals", "Fn::Not", "Fn::And", "Fn::Or"),
}
"""The intrinsic functions that a template may have anywhere."""


class Resolver:
    """Resolves what a template computes, and raises ReviewError for what it does not know."""

    def __init__(
        self,
        *,
        body: Mapping[str, Any],
        environment: Environment,
        stack: str,
        attribute: Callable[[str, str], str],
    ) -> None:
        """``attribute`` shows a resource's attribute by logical id; ``Ref`` is the one asked for
        by ``Ref``."""
        self._body = body
        self._stack = stack
        self._pseudo = environment.pseudo_parameters(stack)
        self._assumed = {name: what for what in environment.assumed for name in _BY_PLACE[what]}
        self._used: list[str] = []
        """The assumed pseudo parameters that were read so far, each time."""
        self._attribute = attribute
        self._asked: set[str] = set()
        """Conditions that are being evaluated, to see one that asks for itself."""
        self._known: dict[str, bool] = {}
        """Conditions that were evaluated."""
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::GetAtt": self._get_att,
            "Fn::FindInMap": self._find_in_map,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::If": self._if,
        }

    def resolve(self, value: Any) -> Any:
        """The value without any intrinsic function."""
        resolved = self._resolved(value)
        if any(DYNAMIC in text for text in strings_in(resolved)):
            raise self._unknown("value of a dynamic reference ({{resolve:…}})")
        return resolved

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            return [item for item in map(self._resolved, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name in self._functions:
                return self._functions[name](argument)
            if name.startswith("Fn::") or (name == "Condition" and isinstance(argument, str)):
                raise self._unknown(f"function {name}")
        if unknown := [key for key in value if key.startswith("Fn::")]:
            raise self._unknown(f"function {unknown[0]} beside other keys")
        resolved = {key: self._resolved(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template is true.

        Raises Undetermined for one that depends on an account or Region that nothing fixes.
        """
        if condition in self._known:
            return self._known[condition]
        conditions = self._body.get("Conditions", {})
        if condition not in conditions or condition in self._asked:
            raise self._unknown(f"condition {condition!r}")
        self._asked.add(condition)
        before = len(self._used)
        try:
            is_true = self._is_true(conditions[condition])
        finally:
            self._asked.remove(condition)
        self._require_fixed(before, f"condition {condition}")
        self._known[condition] = is_true
        return is_true

    def _require_fixed(self, before: int, what: str) -> None:
        """Raises Undetermined where something read an assumed value after it had read so many."""
        if used := self._used[before:]:
            unknown = self._assumed[used[0]]
            raise Undetermined(
                f"stack {self._stack}: {what} depends on {used[0]}, and nothing fixes the "
                f"{unknown}; name it in deployments.py, or with --{unknown.lower()}"
            )

    def _is_true(self, expression: Any) -> bool:
        if not isinstance(expression, dict) or len(expression) != 1:
            raise self._unknown(f"condition {expression!r}")
        name, argument = next(iter(expression.items()))
        if name == "Condition":
            return self.holds(argument)
        if name == "Fn::Equals" and len(argument) == 2:
            one, other = (self._string(self._resolved(each)) for each in argument)
            return one == other
        if name == "Fn::Not" and len(argument) == 1:
            return not self._is_true(argument[0])
        if name == "Fn::And":
            return all(map(self._is_true, argument))
        if name == "Fn::Or":
            return any(map(self._is_true, argument))
        raise self._unknown(f"function {name} in a condition")

    def _string(self, value: Any) -> str:
        """The value as CloudFormation writes it into a string, and compares it."""
        if isinstance(value, str):
            return value
        if isinstance(value, (bool, int, float)):
            return json.dumps(value)
        raise self._unknown(f"string that {value!r} makes")

    def _ref(self, name: str) -> Any:
        if name in self._pseudo:
            if name in self._assumed:
                self._used.append(name)
            return self._pseudo[name]
        if name in self._body.get("Parameters", {}):
            raise self._unknown(f"value of parameter {name!r}, which is given when it is deployed")
        return self._attribute(name, "Ref")

    def _sub(self, argument: str | list[Any]) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else argument
        variables = {name: self._string(self._resolved(value)) for name, value in given.items()}

        def replaced(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in variables:
                return variables[name]
            if "." in name:
                return str(self._attribute(*name.split(".", 1)))
            return self._string(self._ref(name))

        return self._bounded(_PLACEHOLDER.sub(replaced, text))

    def _join(self, argument: list[Any]) -> str:
        delimiter, parts = argument
        return self._bounded(str(delimiter).join(map(self._string, self._resolved(parts))))

    def _bounded(self, text: str) -> str:
        if len(text) > _MOST_CHARACTERS:
            raise ReviewError(
                f"stack {self._stack}: a string is longer than {_MOST_CHARACTERS} characters"
            )
        return text

    def _get_att(self, argument: str | list[str]) -> str:
        logical_id, name = argument.split(".", 1) if isinstance(argument, str) else argument
        return self._attribute(logical_id, name)

    def _find_in_map(self, argument: list[Any]) -> Any:
        before = len(self._used)
        name, first, second = (self._resolved(part) for part in argument)
        self._require_fixed(before, f"entry {name}.{first}.{second} of the mappings")
        try:
            return self._body["Mappings"][name][first][second]
        except KeyError:
            raise self._unknown(f"entry {name}.{first}.{second} of the mappings") from None

    def _select(self, argument: list[Any]) -> Any:
        index, values = self._resolved(argument)
        if not str(index).isdecimal() or int(index) >= len(values):
            raise self._unknown(f"entry {index!r} of {values!r}")
        return values[int(index)]

    def _split(self, argument: list[Any]) -> list[str]:
        before = len(self._used)
        delimiter, text = self._resolved(argument)
        self._require_fixed(before, f"part of {text!r}")
        return str(text).split(delimiter)

    def _if(self, argument: list[Any]) -> Any:
        condition, then, otherwise = argument
        return self._resolved(then if self.holds(condition) else otherwise)

    def _unknown(self, what: str) -> ReviewError:
        return ReviewError(f"stack {self._stack}: the review does not know the {what}")
