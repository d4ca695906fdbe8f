"""GitHub on loopback: the tokens of its jobs, and what of its REST API the pipeline calls."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sandbox import Sandbox

REPOSITORY = "octo-org/runbooks"
_BOT = "github-actions[bot]"
_POLL_SECONDS = 0.02


@dataclass
class GitHub:
    """A repository, its pull request number 1, and the jobs that ask for tokens."""

    sandbox: Sandbox
    comments: list[dict[str, Any]] = field(default_factory=list)
    may_write: bool = True
    """Whether the job's token may; a fork's and Dependabot's may not."""
    claims: dict[str, object] = field(default_factory=dict)
    """Of the job that asks for a token next."""
    asked: list[str] = field(default_factory=list)
    """Every request, ``METHOD PATH``."""

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True
        ).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def job(
        self, context: str, *, ref: str = "refs/heads/main", repository: str = REPOSITORY
    ) -> dict[str, str]:
        """The variables of a job whose subject ends in ``context`` (``pull_request``, …), with
        ``id-token: write``."""
        self.claims = {"sub": f"repo:{repository}:{context}", "ref": ref}
        return {
            **self.api(),
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self._url}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-runner",
            "AWS_ACCOUNT_ID": "000000000000",
        }

    def api(self) -> dict[str, str]:
        """The variables of a job without a token for AWS."""
        return {
            "GITHUB_API_URL": self._url,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_TOKEN": "of-the-job",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_RUN_ID": "17",
        }

    def event(self, folder: Path) -> dict[str, str]:
        """The variable of a job of pull request 1."""
        return _event(
            folder,
            pull_request={"number": 1},
        )

    def push(self, folder: Path) -> dict[str, str]:
        """The variable of a job that a push started."""
        return _event(folder)

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def token(self) -> str:
        """The token of the job that asks."""
        issuer = "https://token.actions.githubusercontent.com"
        return self.sandbox.identity_token(
            {"iss": issuer, "aud": "sts.amazonaws.com", **self.claims}
        )

    def answer(self, method: str, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        """What GitHub says to a call."""
        below = path.removeprefix(f"/repos/{REPOSITORY}/").split("?")[0]
        if method != "GET" and not self.may_write:
            return 403, {"message": "Resource not accessible by integration"}
        if method == "POST" and below == "issues/1/comments":
            self.comments.append(
                {"id": len(self.comments) + 1, "user": {"login": _BOT}, "body": body["body"]}
            )
            return 201, self.comments[-1]
        if method == "PATCH" and below.startswith("issues/comments/"):
            self.comments[int(below.rsplit("/", 1)[1]) - 1]["body"] = body["body"]
            return 200, {}
        if method == "GET" and below == "issues/1/comments":
            return 200, self.comments
        return 404, {"message": "Not Found"}


def _event(folder: Path, **content: object) -> dict[str, str]:
    path = folder / "event.json"
    reported = {"repository": {"default_branch": "main"}, **content}
    path.write_text(json.dumps(reported), "utf-8")
    return {"GITHUB_EVENT_PATH": str(path)}


def _handler(github: GitHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _respond(self) -> None:
            github.asked.append(f"{self.command} {self.path}")
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length) or b"{}")
            if self.path.startswith("/token"):
                is_the_runner = self.headers["Authorization"] == "bearer of-the-runner"
                status, answer = (200, {"value": github.token()}) if is_the_runner else (401, {})
            elif self.headers["Authorization"] != "Bearer of-the-job":
                status, answer = 401, {}
            else:
                status, answer = github.answer(self.command, self.path, body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        do_GET = do_POST = do_PATCH = _respond  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Handler
