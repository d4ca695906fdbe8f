"""The one word between the sandbox's process and the one that started it."""

GOODBYE = b"bye"
"""What a caller that still lives sends before it closes the server's standard input."""
