"""CloudFormation's intrinsic functions, resolved for one account, Region and partition."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from review.errors import ReviewError

NO_VALUE = object()
"""What ``AWS::NoValue`` comes to: the property is not there."""

_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]*)\}")
_URL_SUFFIXES = {"aws-cn": "amazonaws.com.cn"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a template is deployed."""

    account: str
    """12 digits."""
    region: str
    partition: str
    """``aws``, ``aws-cn``, ``aws-us-gov``, …"""

    def iam_arn(self, resource: str) -> str:
        """The ARN of an IAM resource: ``role/NAME``, ``user/NAME``, ``root``."""
        return f"arn:{self.partition}:iam::{self.account}:{resource}"

    def ssm_arn(self, resource: str) -> str:
        """The ARN of an SSM resource: ``document/NAME``, ``automation-execution/ID``."""
        return f"arn:{self.partition}:ssm:{self.region}:{self.account}:{resource}"

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


class Resolver:
    """Resolves what a template computes, and raises ReviewError for what it does not know."""

    def __init__(
        self,
        *,
        body: Mapping[str, Any],
        place: Place,
        stack: str,
        attribute: Callable[[str, str], str],
    ) -> None:
        """``attribute`` tells a resource's attribute by logical id; ``Ref`` is the one asked for
        by ``Ref``."""
        self._body = body
        self._stack = stack
        self._pseudo = place.pseudo_parameters(stack)
        self._attribute = attribute
        self._asked: set[str] = set()
        """Conditions that are being evaluated, to see one that asks for itself."""
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
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
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
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template is true."""
        conditions = self._body.get("Conditions", {})
        if condition not in conditions or condition in self._asked:
            raise self._unknown(f"condition {condition!r}")
        self._asked.add(condition)
        try:
            return self._is_true(conditions[condition])
        finally:
            self._asked.remove(condition)

    def _is_true(self, expression: Any) -> bool:
        name, argument = next(iter(expression.items()))
        if name == "Condition":
            return self.holds(argument)
        if name == "Fn::Equals":
            return bool(self.resolve(argument[0]) == self.resolve(argument[1]))
        if name == "Fn::Not":
            return not self._is_true(argument[0])
        if name == "Fn::And":
            return all(map(self._is_true, argument))
        if name == "Fn::Or":
            return any(map(self._is_true, argument))
        raise self._unknown(f"function {name} in a condition")

    def _ref(self, name: str) -> Any:
        if name in self._pseudo:
            return self._pseudo[name]
        if name in self._body.get("Parameters", {}):
            raise self._unknown(f"value of parameter {name!r}, which is given when it is deployed")
        return self._attribute(name, "Ref")

    def _sub(self, argument: str | list[Any]) -> str:
        text, variables = (argument, {}) if isinstance(argument, str) else argument

        def replaced(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in variables:
                return str(self.resolve(variables[name]))
            if "." in name:
                return str(self._attribute(*name.split(".", 1)))
            return str(self._ref(name))

        return _PLACEHOLDER.sub(replaced, text)

    def _join(self, argument: list[Any]) -> str:
        delimiter, parts = argument
        return str(delimiter).join(str(part) for part in self.resolve(parts))

    def _get_att(self, argument: str | list[str]) -> str:
        logical_id, name = argument.split(".", 1) if isinstance(argument, str) else argument
        return self._attribute(logical_id, name)

    def _find_in_map(self, argument: list[Any]) -> Any:
        name, first, second = (self.resolve(part) for part in argument)
        try:
            return self._body["Mappings"][name][first][second]
        except KeyError:
            raise self._unknown(f"entry {name}.{first}.{second} of the mappings") from None

    def _select(self, argument: list[Any]) -> Any:
        index, values = self.resolve(argument)
        return values[int(index)]

    def _split(self, argument: list[Any]) -> list[str]:
        delimiter, text = self.resolve(argument)
        return str(text).split(delimiter)

    def _if(self, argument: list[Any]) -> Any:
        condition, then, otherwise = argument
        return self.resolve(then if self.holds(condition) else otherwise)

    def _unknown(self, what: str) -> ReviewError:
        return ReviewError(f"stack {self._stack}: the review does not know the {what}")
