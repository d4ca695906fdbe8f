"""Tags that say which instances: of a role's limit, and of a fleet's targets."""

from typing import Any

from delegation.deployment.validation import require_tag

LimitTag = tuple[str, str | tuple[str, ...]]
"""Key and value of a tag, or the values of which an instance must have one."""
LimitTags = tuple[tuple[str, tuple[str, ...]], ...]
"""Keys of tags, each with the values of which an instance must have one."""


def limit_tags(field: str, given: Any) -> LimitTags:
    """The tags of a limit in their longest form; raises DelegationError for what are none."""
    if given is None:
        return ()
    if not isinstance(given, tuple) or not given:
        require_tag(field, given)
    listed = (given,) if isinstance(given[0], str) else given
    found = []
    for tag in listed:
        has_values = isinstance(tag, tuple) and len(tag) == 2 and isinstance(tag[1], tuple)
        alternatives = [(tag[0], value) for value in tag[1]] if has_values else [tag]
        for alternative in alternatives or [tag]:
            require_tag(field, alternative)
        found.append((tag[0], tuple(value for _, value in alternatives)))
    return tuple(found)


def tags_in_words(tags: LimitTags) -> str:
    """``Automation=allowed and Tier=web or db``; empty without tags."""
    return " and ".join(f"{key}={' or '.join(values)}" for key, values in tags)
