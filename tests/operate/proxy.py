"""A bad way to AWS: what a network and a busy service do to calls, as a test says."""

import http.client
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from sandbox import Sandbox

Fault = Callable[["Handler"], None]


class Proxy:
    """Stands between the operator CLI and the account; ``faults`` by operation happen in turn,
    then the
    calls go through."""

    def __init__(self, sandbox: Sandbox) -> None:
        environment = sandbox.environment()
        self.upstream = urlsplit(environment["AWS_ENDPOINT_URL"])
        self.tls = ssl.create_default_context(cafile=environment["AWS_CA_BUNDLE"])
        self.faults: dict[str, list[Fault]] = {}
        self.calls: list[str] = []
        self.url = ""


@contextmanager
def proxied(sandbox: Sandbox) -> Iterator[Proxy]:
    """A proxy on loopback."""
    proxy = Proxy(sandbox)
    handler = type("OfThisProxy", (Handler,), {"proxy": proxy})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    """Takes the calls of the operator CLI."""

    proxy: Proxy
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Forwards a call, unless something is to happen to it."""
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        operation = self.headers.get("X-Amz-Target", "").rsplit(".", 1)[-1]
        self.proxy.calls.append(operation)
        faults = self.proxy.faults.get(operation)
        if faults:
            faults.pop(0)(self)
        else:
            self.reply(*self.forward())

    def forward(self) -> tuple[int, bytes]:
        """What the account answers."""
        upstream = self.proxy.upstream
        connection = http.client.HTTPSConnection(
            upstream.hostname or "", upstream.port, context=self.proxy.tls
        )
        headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
        connection.request("POST", self.path, self.body, headers)
        answer = connection.getresponse()
        try:
            return answer.status, answer.read()
        finally:
            connection.close()

    def pass_on(self) -> None:
        """Answers as the account does."""
        self.reply(*self.forward())

    def reply(self, status: int, body: bytes) -> None:
        """Answers the caller."""
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self) -> None:
        """Ends the connection without an answer."""
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def refused(code: str, message: str, status: int = 400) -> Fault:
    """AWS answers with this error."""
    body = json.dumps({"__type": code, "message": message}).encode()
    return lambda handler: handler.reply(status, body)


THROTTLED = refused("ThrottlingException", "Rate exceeded")
EXPIRED = refused("ExpiredTokenException", "The security token included in the request is expired")


def lost_on_the_way(handler: "Handler") -> None:
    """The call never arrives."""
    handler.hang_up()


def lost_on_the_way_back(handler: "Handler") -> None:
    """The call arrives, its answer does not."""
    handler.forward()
    handler.hang_up()
