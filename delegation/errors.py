"""The one exception that a user's mistake raises."""


class DelegationError(ValueError):
    """A value that the project refuses: what was found, what is allowed, which file to change.

    Commands print its message as one line on standard error and exit with status 1.
    """


IN_DEPLOYMENTS = "(deployments.py)"
"""How an error says that the file to change is deployments.py."""
