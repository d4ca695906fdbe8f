"""The one exception that a user's mistake raises."""


class DelegationError(ValueError):
    """A value that the project refuses: what was found, what is allowed, which file to change.

    Commands print its message as one line on standard error and exit with status 1.
    """
