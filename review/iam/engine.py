"""The engine that decides: an IAM simulator of its own, in a process of its own.

``@cloud-copilot/iam-simulate`` (npm, AGPL-3.0) is called unmodified over its standard input and
output; see NOTICE. It evaluates one resource at a time.
"""

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from review.errors import ReviewError
from review.iam.actions import Action, Actions
from review.iam.patterns import covers
from review.iam.statements import ALLOW_EVERYTHING, Statement, rendered_policy
from toolchain import NODE, node_package

_SCRIPT = Path(__file__).resolve().parent / "engine.mjs"
_PACKAGE = "@cloud-copilot/iam-simulate"

Context = Mapping[str, str | Sequence[str]]
"""Condition keys of a request, and the value or values of each; an empty sequence of values takes
away a key that the principal's requests have."""
_ABSENT: tuple[object, ...] = ((), [])


@dataclass(frozen=True, slots=True)
class Request:
    """A question: may the principal do this?"""

    action: str
    resource: str
    context: Context
    """Condition keys of the request beside those of the principal."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The engine's decision."""

    is_allowed: bool
    conditions: tuple[Any, ...]
    """Discovering: for each kind of resource allowed, the expression of what must hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Requester:
    """Who asks, and under which statements."""

    arn: str
    """The principal's, or a service's name."""
    context: Mapping[str, str]
    account: str
    """The account of the resources."""
    identity: Sequence[Statement]
    boundary: Sequence[Statement] | None = None
    trust: Sequence[Statement] | None = None
    known: tuple[str, ...] = ()
    """Discovering: the keys whose values in ``context`` decide, as they are or are not there."""


class Engine:
    """A running engine; a context manager."""

    def __init__(self) -> None:
        self._actions: Actions | None = None
        self._answers: dict[str, Any] = {}
        """What has been asked before: of two assemblies, most is the same."""

    def __enter__(self) -> Self:
        package = node_package(_PACKAGE)
        if package is None:
            raise ReviewError("the review's engine is not installed; run: make install")
        self._process = subprocess.Popen(
            [str(NODE), str(_SCRIPT), str(package)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def actions(self) -> Actions:
        """Every action of AWS that the data has, more than 22,000."""
        if self._actions is None:
            answer = json.loads(self._exchange(json.dumps({"ask": "actions"})))
            found = (
                Action(name, alone, tuple(arns), tuple(levels), tuple(dependents))
                for name, alone, arns, levels, dependents in answer["actions"]
            )
            self._actions = Actions(found, answer["version"])
        return self._actions

    def decide(
        self, asked: Requester, requests: Iterable[Request], *, discover: bool = False
    ) -> list[Answer]:
        """The decision for each request, in order.

        Strict, a condition key that the request lacks fails its condition; discovering, it is
        taken to hold, and the answer shows the condition. ReviewError for a request that the
        engine cannot evaluate, or a key that it would ignore.
        """
        requests = list(requests)
        identity = _relevant(asked.identity, requests)
        bounds = None if asked.boundary is None else _relevant(asked.boundary, requests)
        answers = self._ask(
            {
                "ask": "decide",
                "principal": asked.arn,
                "account": asked.account,
                "identity": [rendered_policy(identity)] if identity else [],
                "boundary": _policy(bounds),
                "trust": _policy(asked.trust),
                "discover": discover,
                "known": asked.known,
                "requests": [[r.action, r.resource, _context(asked, r)] for r in requests],
            }
        )["answers"]
        return [_answer(asked, *pair) for pair in zip(requests, answers, strict=True)]

    def _ask(self, question: Mapping[str, Any]) -> Any:
        line = json.dumps(question)
        if line not in self._answers:
            self._answers[line] = json.loads(self._exchange(line))
        return self._answers[line]

    def _exchange(self, question: str) -> str:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(f"{question}\n")
            stdin.flush()
            line = stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise ReviewError(f"the engine ended with status {self._process.wait()}, see above")
        return line


def _relevant(statements: Iterable[Statement], requests: list[Request]) -> list[Statement]:
    """The statements that apply to what is asked, each on exactly that resource.

    The engine is asked about effects, conditions and kinds of resources: it errs on some patterns
    (``*/name``). Several requests at once come with their own
    resources (`review.access.effective_access`).
    """
    if len(requests) != 1:
        return list(statements)
    (request,) = requests
    return [
        replace(statement, resources=(request.resource,), but_resources=False)
        for statement in statements
        if statement.speaks_of(request.action)
        and any(covers(each, request.resource) for each in statement.resources)
        != statement.but_resources
    ]


def _policy(statements: Sequence[Statement] | None) -> dict[str, Any] | None:
    """None where there is no policy; one without statements grants nothing."""
    if statements is None:
        return None
    return rendered_policy(statements or (_NOTHING,))


_NOTHING = replace(ALLOW_EVERYTHING, sid="Nothing", allows=False)


def _context(asked: Requester, request: Request) -> dict[str, Any]:
    """The keys of a request; one that is given without a value is not there."""
    keys = {**asked.context, **request.context}
    return {key: value for key, value in keys.items() if value not in _ABSENT}


def _answer(asked: Requester, request: Request, answer: Mapping[str, Any]) -> Answer:
    what = f"{asked.arn}: {request.action} on {request.resource}"
    if "error" in answer:
        raise ReviewError(f"the engine cannot evaluate {what}: {json.dumps(answer['error'])}")
    ignored = set(answer["ignored"]) & set(request.context)
    if ignored:
        raise ReviewError(f"the engine ignores {', '.join(sorted(ignored))}, {what}")
    return Answer(answer["decision"] == "Allowed", tuple(answer["conditions"]))
