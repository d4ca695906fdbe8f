"""The error of a command about the live account that cannot go on."""


class AccountError(Exception):
    """What was found, what is needed, and where to change it; shown as one line or more."""


class Unreadable(Exception):
    """Something that could not be read: what it is, and AWS's message."""
