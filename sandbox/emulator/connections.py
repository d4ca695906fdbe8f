"""Connections of clients, kept no longer than the client keeps them.

Hypercorn holds a connection that its client has closed, with a buffer of 256 KB, until the time is
over after which it would have closed it itself.
"""

from hypercorn.asyncio.tcp_server import TCPServer


class Connection(TCPServer):
    """One connection; ends when its client ends it."""

    async def _read_data(self) -> None:
        await super()._read_data()
        await self.idle_task.stop()
