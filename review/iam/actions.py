"""Every action of AWS, as the engine's data knows them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from review.iam.patterns import is_pattern, overlap, overlaps_kind
from review.iam.statements import Statement


@dataclass(frozen=True, slots=True)
class Action:
    """An action of AWS."""

    name: str
    """``ssm:StartAutomationExecution``."""
    takes_no_resource: bool
    """Whether it is authorized on ``*`` alone."""
    arns: tuple[str, ...]
    """Patterns of the ARNs that it is authorized on."""
    levels: tuple[str, ...]
    """``List``, ``Read``, ``Write``, ``Tagging``, ``Permissions management``."""
    dependents: tuple[str, ...]
    """Further actions that it needs for some inputs."""

    def takes(self, resource: str) -> bool:
        """Whether the action applies to a resource, by the data: a kind of resource that is newer
        than the data is not in it."""
        if self.takes_no_resource:
            return resource == "*"
        return any(overlap(resource, arn) for arn in self.arns)

    def may_take(self, resource: str) -> bool:
        """The same, where a star of the pattern goes beyond a colon."""
        if self.takes_no_resource:
            return resource == "*"
        return any(overlaps_kind(resource, arn) for arn in self.arns)

    @property
    def manages_permissions(self) -> bool:
        """Whether it gives or takes power over something."""
        return "Permissions management" in self.levels


class Actions:
    """All actions, looked up by name and by what a statement names."""

    def __init__(self, actions: Iterable[Action], version: str) -> None:
        self.version = version
        """The version of the data, of which the last part is its date."""
        self._by_name = {action.name.lower(): action for action in actions}
        self._named: dict[Statement, frozenset[Action]] = {}

    def __len__(self) -> int:
        return len(self._by_name)

    def __iter__(self) -> Iterator[Action]:
        return iter(self._by_name.values())

    def get(self, name: str) -> Action | None:
        """The action of a name, in any case."""
        return self._by_name.get(name.lower())

    def named(self, statement: Statement) -> frozenset[Action]:
        """The actions that a statement speaks of; plain names are looked up."""
        if statement not in self._named:
            plain = all(not is_pattern(pattern) for pattern in statement.actions)
            if plain and not statement.but_actions:
                found = [self.get(name) for name in statement.actions]
                self._named[statement] = frozenset(action for action in found if action)
            else:
                self._named[statement] = frozenset(
                    action for action in self if statement.speaks_of(action.name)
                )
        return self._named[statement]
