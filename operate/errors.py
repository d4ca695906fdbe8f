"""How commands end, and the errors that end them."""

from enum import IntEnum

from botocore.exceptions import BotoCoreError, ClientError


class Exit(IntEnum):
    """The exit status of a command."""

    SUCCESS = 0
    FAILED = 1
    """The run failed or timed out; of ``audit``, that it found something."""
    REFUSED = 2
    """Nothing was started or changed."""
    STOPPED = 3
    """The run was rejected or cancelled."""
    UNKNOWN = 4
    """AWS could not be asked any more: whether the run started or how it ended is not known."""
    INTERNAL = 70
    """A mistake of this program. Source: sysexits.h, EX_SOFTWARE."""
    UNWRITTEN = 74
    """The output could not be written to its end. Source: sysexits.h, EX_IOERR."""
    INTERRUPTED = 130
    """Ctrl-C, as shells have it."""


class OperateError(Exception):
    """What ends a command, said to its user: lines of what is wrong, and of what to do."""

    def __init__(self, message: str, *, status: Exit = Exit.REFUSED, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        """AWS's name of the error; empty for one of ours."""


AwsError = (BotoCoreError, ClientError)
"""Whatever goes wrong when AWS is asked."""


def code_of(error: Exception) -> str:
    """AWS's name for an error; botocore's for one that AWS never saw."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return type(error).__name__


def message_of(error: Exception) -> str:
    """AWS's or botocore's own words."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Message", "")) or str(error)
    return str(error)


def is_denied(error: Exception) -> bool:
    """Whether AWS refused for want of a permission."""
    return code_of(error) in ("AccessDeniedException", "AccessDenied", "UnauthorizedOperation")
