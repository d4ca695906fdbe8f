"""Errors of the SSM API."""


class ApiError(Exception):
    """An error of the API's model: its name, and the message that the client shows."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def validation_error(message: str) -> ApiError:
    """The error for a request that does not fit the API's model."""
    return ApiError("ValidationException", message)
