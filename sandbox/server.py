"""The sandbox's own process: the emulator with the project's extensions, behind TLS.

Started by ``Sandbox`` with a listening socket and a folder; ends when its standard input is closed,
which also happens when the process that started it dies. Then it removes the folder as well.
"""

import asyncio
import os
import shutil
import sys
import threading

from sandbox.shutdown import GOODBYE

EMULATOR_SETTINGS = {
    "AUTH": "true",  # signatures verified, IAM enforced
    "BIND_HOST": "127.0.0.1",
    "USE_SSL": "1",
    "CLOUDTRAIL_RECORDING": "1",
    "CLOUDTRAIL_MAX_EVENTS": "100000",
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

    from sandbox.emulator import member_accounts
    from sandbox.emulator.iam.root import without_administration_paths
    from sandbox.emulator.patches import apply_patches
    from sandbox.emulator.scheduler.control import with_clock
    from sandbox.emulator.sts import web_identity
    from sandbox.ssm.automation import clients

    apply_patches()
    member_accounts.make(os.environ["MEMBER_ACCOUNTS"].split())
    endpoint = f"https://localhost:{os.environ['GATEWAY_PORT']}"
    clients.configure(endpoint=endpoint, certificate=f"{folder}/ca.pem")
    web_identity.configure(folder)
    config = Config()
    config.bind = [f"fd://{socket_number}"]
    config.certfile = config.keyfile = f"{folder}/server.pem"
    config.loglevel = EMULATOR_SETTINGS["LOG_LEVEL"]
    # A client that sends its next request at the moment its connection is closed for idleness gets
    # no answer, and clients here try once.
    config.keep_alive_timeout = 3600
    threading.Thread(target=_await_end, args=(folder,), name="await-end", daemon=True).start()
    threading.Thread(target=clients.warm_up, name="warm-up", daemon=True).start()
    application = with_clock(without_administration_paths(ministack.app.app))
    asyncio.run(serve(application, config))


def _await_end(folder: str) -> None:
    """Ends the process at once when nobody holds the other end of standard input.

    All state is in memory, and executions in the middle of a step have nobody left to report to.
    The caller says ``bye`` where it removes the folder itself.
    """
    if sys.stdin.buffer.read() != GOODBYE:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
