"""The sandbox seen from outside: a process to start, credentials to use, a folder to remove."""

import contextlib
import os
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
import botocore.session
import trustme
from botocore.config import Config

from sandbox.identity_tokens import IdentityTokens
from sandbox.running import Offer, offers, write_offer
from sandbox.shutdown import GOODBYE

ACCOUNT = "000000000000"
"""The account's id, as the emulator has it."""
REGION = "us-east-1"
"""The Region that clients use unless they name another; every other Region answers too."""
MEMBER_ROLE = "OrganizationAccountAccessRole"
"""The role by which the account administers the others of its organization.
Source: AWS Organizations User Guide, Accessing member accounts."""
FOLDER_PREFIX = "aws-sandbox-"

_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV")
"""The variables of the caller that the server sees: others could change the account."""
_START_SECONDS = 30
_STOP_SECONDS = 10
_TOKEN_SECONDS = 600
CLOCK_PATH = "/_sandbox/scheduler/clock"
SECRET_HEADER = "x-sandbox-secret"
"""How the clock of EventBridge Scheduler is moved: root's secret key lets in."""


class SandboxError(RuntimeError):
    """The sandbox did not start or died; the message names the log to read."""


class Sandbox:
    """An AWS account on this machine, from ``with`` to its end.

    Bound to loopback on a free port, over TLS with a certificate of its own; IAM is enforced and
    signatures are verified. The root keys, the certificate and all state exist for this run only.
    Ends with the ``with`` block, with ``stop()``, or when the process that started it dies.
    """

    folder: Path
    """Certificate and log; removed at the end."""
    endpoint: str
    """``https://localhost:PORT``."""

    def __init__(self, *, offered: bool = False, members: Sequence[str] = ()) -> None:
        """``offered``: whether ``python -m sandbox shell-env`` shows it to this user's shells.
        ``members``: ids of more accounts of its organization, see ``member``."""
        self._offered, self._members = offered, tuple(map(checked_member, members))
        self._process: subprocess.Popen[bytes] | None = None
        self._access_key = "AKIA" + secrets.token_hex(8).upper()
        self._secret_key = secrets.token_urlsafe(30)
        self._session = _session_of_nobody()
        self._tokens: IdentityTokens | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def log(self) -> Path:
        """What the server printed."""
        return self.folder / "sandbox.log"

    def start(self) -> None:
        """Starts the server and waits until it answers; raises SandboxError if it does not."""
        self.folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
        try:
            self._write_certificate()
            self._launch()
            self._await_answer()
            if self._offered and self._process is not None:
                write_offer(self.folder, self._process.pid, self.environment())
        except BaseException as error:
            self.stop(keep_log=isinstance(error, SandboxError))
            raise

    def stop(self, *, keep_log: bool = False) -> None:
        """Ends the server, also in the middle of an execution, and removes its folder."""
        if self._process is not None:
            assert self._process.stdin is not None
            keep_log = keep_log or self._process.poll() is not None  # it died: the log says why
            with contextlib.suppress(BrokenPipeError):  # it has ended by itself
                self._process.stdin.write(GOODBYE)
                self._process.stdin.close()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if keep_log and self.log.exists():
            for path in self.folder.iterdir():
                if path != self.log:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self, credentials: Mapping[str, str] | None = None) -> dict[str, str]:
        """The variables that make any AWS CLI, SDK or CDK talk to this account.

        As root, or with ``credentials`` as IAM and STS give them (AccessKeyId, SecretAccessKey and,
        for a session, SessionToken).
        """
        keys = credentials or {
            "AccessKeyId": self._access_key,
            "SecretAccessKey": self._secret_key,
        }
        certificate = str(self.folder / "ca.pem")
        variables = {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_CA_BUNDLE": certificate,
            "NODE_EXTRA_CA_CERTS": certificate,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "localhost,127.0.0.1",
            "no_proxy": "localhost,127.0.0.1",
        }
        if "SessionToken" in keys:
            variables["AWS_SESSION_TOKEN"] = keys["SessionToken"]
        return variables

    def client(
        self, service: str, credentials: Mapping[str, str] | None = None, region: str = REGION
    ) -> Any:
        """A boto3 client of this account, as root or with these credentials."""
        keys = self.environment(credentials)
        return self._session.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            verify=str(self.folder / "ca.pem"),
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=keys.get("AWS_SESSION_TOKEN"),
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )

    def member(self, account: str) -> dict[str, str]:
        """Credentials of an administrator of a member account: a session of the role that AWS
        Organizations makes in each."""
        role = f"arn:aws:iam::{account}:role/{MEMBER_ROLE}"
        answer = self.client("sts").assume_role(RoleArn=role, RoleSessionName="administrator")
        credentials: dict[str, str] = answer["Credentials"]
        return credentials

    def move_scheduler_clock(self, on: timedelta) -> int:
        """Moves the clock of EventBridge Scheduler, and of nothing else, on, in whole seconds; how
        many starts were due on the way, all of which are made when this returns."""
        request = urllib.request.Request(  # noqa: S310 - the sandbox's own address
            f"{self.endpoint}{CLOCK_PATH}?{int(on.total_seconds())}",
            headers={SECRET_HEADER: self._secret_key},
            method="POST",
        )
        trusted = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=trusted), urllib.request.ProxyHandler({})
        )
        with opener.open(request) as answer:
            return int(answer.read())

    def identity_token(self, claims: Mapping[str, object]) -> str:
        """A token with these claims for ``AssumeRoleWithWebIdentity``, signed as by its issuer.

        ``iss`` (``https://…``), ``aud``, ``sub``; ``exp`` is in ten minutes unless it is named.
        """
        if self._tokens is None:
            self._tokens = IdentityTokens(self.folder)
        return self._tokens.sign({"exp": int(time.time()) + _TOKEN_SECONDS, **claims})

    def wait(self) -> None:
        """Returns when the server has ended by itself."""
        if self._process is not None:
            self._process.wait()

    def _write_certificate(self) -> None:
        authority = trustme.CA(organization_name="AWS sandbox", organization_unit_name="this run")
        certificate = authority.issue_cert("localhost", "*.localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(self.folder / "ca.pem")
        certificate.private_key_and_cert_chain_pem.write_to_path(self.folder / "server.pem")

    def _launch(self) -> None:
        """Starts the server on a socket that is already bound, so that no port can be lost."""
        with (
            socket.create_server(("127.0.0.1", 0), backlog=128) as listener,
            self.log.open("wb") as log,
        ):
            port = listener.getsockname()[1]
            self.endpoint = f"https://localhost:{port}"
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sandbox.server", str(listener.fileno()), str(self.folder)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[listener.fileno()],
                cwd=Path(__file__).parent.parent,
                start_new_session=True,  # Ctrl-C is the caller's to handle
                env={
                    **{name: os.environ[name] for name in _INHERITED if name in os.environ},
                    "TMPDIR": str(self.folder),
                    "STATE_DIR": str(self.folder),
                    "S3_DATA_DIR": str(self.folder),
                    "AWS_ACCESS_KEY_ID": self._access_key,
                    "AWS_SECRET_ACCESS_KEY": self._secret_key,
                    "GATEWAY_PORT": str(port),
                    "MEMBER_ACCOUNTS": " ".join(self._members),
                },
            )

    def _await_answer(self) -> None:
        sts, deadline = self.client("sts"), time.monotonic() + _START_SECONDS
        assert self._process is not None
        while True:
            try:
                sts.get_caller_identity()
                return
            except Exception as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise SandboxError(
                        f"the sandbox did not start; read {self.log}: {error}"
                    ) from None
            time.sleep(0.02)


def checked_member(account: str) -> str:
    """The id, if another account can have it; else ValueError."""
    if not re.fullmatch(r"[0-9]{12}", account) or account == ACCOUNT:
        raise ValueError(f"{account!r} is not the id of another account, 12 digits")
    return account


def _session_of_nobody() -> boto3.session.Session:
    """One session for all clients, as it caches AWS's models; blind to the user's AWS settings."""
    nothing = (None, None, None, None)
    no_file = (None, None, os.devnull, None)
    session = botocore.session.Session(
        session_vars={"profile": nothing, "config_file": no_file, "credentials_file": no_file}
    )
    return boto3.session.Session(botocore_session=session, region_name=REGION)


def running_sandboxes() -> list[Offer]:
    """The sandboxes of this clone that ``shell-env`` offers, by port."""
    return offers(Path(tempfile.gettempdir()), FOLDER_PREFIX)
