"""The sandbox's own process: the emulator with the project's extensions, behind TLS.

Started by ``Sandbox`` with a listening socket and a folder; ends, and removes the folder, when its
standard input is closed, which also happens when the process that started it dies.
"""

import asyncio
import logging
import os
import shutil
import sys
import threading

EMULATOR_SETTINGS = {
    "AUTH": "true",  # signatures verified, IAM enforced
    "BIND_HOST": "127.0.0.1",
    "USE_SSL": "1",
    "CLOUDTRAIL_RECORDING": "1",
    "PERSIST_STATE": "0",
    "SFTP_ENABLED": "0",
    "IOT_MTLS_ENABLED": "0",
    "LOG_LEVEL": "WARNING",
}


def main(socket_number: int, folder: str) -> None:
    """Serves the account until standard input ends."""
    os.environ.update(EMULATOR_SETTINGS)
    # Read by the emulator at import, so only now.
    import ministack.app
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    from sandbox.automation.clients import warm_up
    from sandbox.emulator.extensions import install

    install(endpoint=f"https://localhost:{os.environ['GATEWAY_PORT']}", folder=folder)
    config = Config()
    config.bind = [f"fd://{socket_number}"]
    config.certfile = config.keyfile = os.path.join(folder, "server.pem")  # noqa: PTH118
    config.loglevel = EMULATOR_SETTINGS["LOG_LEVEL"]
    config.graceful_timeout = 0.2

    async def serve_until_stdin_ends() -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        threading.Thread(
            target=_await_end, args=(loop, ended), name="await-end", daemon=True
        ).start()
        threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
        await serve(ministack.app.app, config, shutdown_trigger=ended.wait)

    try:
        asyncio.run(serve_until_stdin_ends())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        logging.shutdown()
        os._exit(0)  # executions in the middle of a step have nobody left to report to


def _await_end(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    sys.stdin.buffer.read()
    loop.call_soon_threadsafe(ended.set)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
