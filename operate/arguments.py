"""The parameters of a start as they are given: by options, as the AWS CLI takes them, in a file, as
answers."""

import difflib
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from operate.errors import OperateError
from operate.runbooks.catalog import Runbook
from operate.runbooks.parameters import Parameter, Values, text_of


def from_options(runbook: Runbook, words: list[str]) -> Values:
    """Values from ``--instance-id i-1 --instance-id i-2`` or ``--InstanceId i-1 i-2``.

    Raises OperateError for an option that the runbook does not have, with the nearest one.
    """
    by_name = {_plain(parameter.name): parameter for parameter in runbook.parameters}
    values: Values = {}
    current: Parameter | None = None
    for word in words:
        if word.startswith("--"):
            option, has_value, value = word.partition("=")
            current = by_name.get(_plain(option))
            if current is None:
                raise OperateError(_unknown(option, runbook))
            alike = [p.name for p in runbook.parameters if _plain(p.name) == _plain(option)]
            if len(alike) > 1:
                raise OperateError(
                    f"{option} may be {' or '.join(alike)}; give --parameter {alike[0]}=…"
                )
            values.setdefault(current.name, []).extend(_values(current, value) if has_value else [])
        elif current is None:
            raise OperateError(f"{word!r} follows no option; {_takes(runbook)}")
        else:
            values[current.name].extend(_values(current, word))
    for name, found in values.items():
        if not found:
            _fill(by_name[_plain(name)], found)
    return values


def from_pairs(runbook: Runbook, pairs: Iterable[str]) -> Values:
    """Values from ``--parameter NAME=VALUE``. Raises OperateError for what is none, or a name that
    the runbook does not take."""
    values: Values = {}
    names = [parameter.name for parameter in runbook.parameters]
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise OperateError(f"--parameter {pair}: give NAME=VALUE")
        _require_known(runbook, name, names, "--parameter")
        values.setdefault(name, []).append(value)
    return values


def from_text(runbook: Runbook, text: str) -> Values:
    """Values as the AWS CLI takes them: ``InstanceId=i-1,i-2``, ``{"InstanceId": ["i-1"]}``, the
    JSON of a file, ``file://PATH`` or ``PATH``, or with ``-`` that of standard input.

    Raises OperateError for what is none of these. Source: AWS CLI User Guide, Specifying parameter
    values.
    """
    try:
        content = _read(text)
    except (OSError, ValueError) as error:
        raise OperateError(
            f"--parameters {text}: {error}\ngive InstanceId=i-…,i-…, "
            '{"InstanceId": ["i-…"]} or a file with it'
        ) from None
    if not isinstance(content, dict):
        raise OperateError(
            f'--parameters {text}: holds no object of values by parameter, {{"Name": ["value"]}}'
        )
    names = [parameter.name for parameter in runbook.parameters]
    for name in content:
        _require_known(runbook, name, names, f"--parameters {text}")
    return {name: _texts(value) for name, value in content.items()}


def _read(text: str) -> Any:
    """The values of ``--parameters``. Raises ValueError or OSError for what is none."""
    if text == "-":
        return json.loads(sys.stdin.read())
    if text.lstrip().startswith("{"):
        return json.loads(text)
    if _SHORTHAND.match(text):
        from awscli.shorthand import ShorthandParseError, ShorthandParser  # not for other commands

        try:
            return ShorthandParser().parse(text)
        except ShorthandParseError as error:
            raise ValueError(str(error).replace("\n", " ")) from None
    return json.loads(Path(text.removeprefix("file://")).read_text("utf-8"))


_SHORTHAND = re.compile(r"[\w-]+=")


def missing(runbook: Runbook, values: Values) -> Iterable[Parameter]:
    """The parameters that a start has to give and that are not given."""
    return (p for p in runbook.parameters if p.is_required and p.name not in values)


def split(parameter: Parameter, answer: str) -> list[str]:
    """The values of an answer on the terminal: several words for a list of names or ids."""
    if parameter.is_list and parameter.element != "StringMap":
        return [word for word in re.split(r"[\s,]+", answer) if word]
    return [answer]


def _require_known(runbook: Runbook, name: str, names: list[str], where: str) -> None:
    if name not in names:
        near = difflib.get_close_matches(name, names, 1, 0.4)
        hint = f"nearest: {near[0]}" if near else f"known: {', '.join(names) or 'none'}"
        raise OperateError(f"{where}: {runbook.name} takes no {name!r}; {hint}")


def _values(parameter: Parameter, text: str) -> list[str]:
    """Ids hold no comma, so that one parts them; in any other value it may belong there."""
    return text.split(",") if parameter.is_list and parameter.names_instances else [text]


def _fill(parameter: Parameter, found: list[str]) -> None:
    """An option without a value is true where that is a value."""
    if parameter.element != "Boolean":
        raise OperateError(f"{parameter.option} is given without a value")
    found.append("true")


def _texts(value: Any) -> list[str]:
    return [text_of(item) for item in value] if isinstance(value, list) else [text_of(value)]


def _plain(name: str) -> str:
    return re.sub(r"[-_]", "", name).lower()


def _unknown(option: str, runbook: Runbook) -> str:
    options = [parameter.option for parameter in runbook.parameters]
    near = difflib.get_close_matches(option.lower(), options, 1, 0.4)
    hint = f"; nearest: {near[0]}" if near else ""
    return f"{runbook.name} takes no {option}{hint}; {_takes(runbook)}"


def _takes(runbook: Runbook) -> str:
    options = ", ".join(parameter.option for parameter in runbook.parameters)
    return f"it takes {options or 'no parameters'}"
