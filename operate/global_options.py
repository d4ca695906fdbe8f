"""Options that stand before the command or after it, as in the AWS CLI."""

from collections.abc import Sequence

GLOBAL = ("--profile", "--region", "--endpoint-url", "--output")
"""Options that may stand before the command as well, as in the AWS CLI."""


def with_globals_last(arguments: Sequence[str]) -> list[str]:
    """The arguments with the global options that stand before the command after it."""
    first, rest = [], list(arguments)
    while rest and rest[0].partition("=")[0] in GLOBAL:
        takes_next = "=" not in rest[0] and len(rest) > 1
        first += [rest.pop(0) for _ in range(1 + takes_next)]
    return [*rest[:1], *first, *rest[1:]]
