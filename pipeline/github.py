"""GitHub as its jobs see it: the job's own token, and the REST API.

Standard library alone, so that a job which only reports installs nothing.
"""

import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError

_PAGE = 100
"""Elements a page, the most. Source: GitHub REST API, Using pagination."""
_SECONDS = 30


def is_a_job_with_a_token() -> bool:
    """Whether this is a job of GitHub Actions that may ask for a token (``id-token: write``)."""
    return "ACTIONS_ID_TOKEN_REQUEST_URL" in os.environ


def job_token(audience: str) -> str:
    """The job's token, by which AWS knows the job. Source: GitHub Docs, OpenID Connect."""
    url = os.environ["ACTIONS_ID_TOKEN_REQUEST_URL"]
    bearer = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "")
    separator = "&" if "?" in url else "?"
    asked = f"{url}{separator}audience={urllib.parse.quote(audience)}"
    token: str = _exchange("GET", asked, {"Authorization": f"bearer {bearer}"})["value"]
    return token


class Repository:
    """The repository of the job, over GitHub's REST API with the token in ``GITHUB_TOKEN``."""

    def __init__(self) -> None:
        self.name = _required("GITHUB_REPOSITORY")
        self._api = os.environ.get("GITHUB_API_URL") or "https://api.github.com"
        self._headers = {
            "Authorization": f"Bearer {_required('GITHUB_TOKEN')}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }

    def get(self, path: str) -> Any:
        """What GitHub has at a path below the repository (``issues/1``)."""
        return _exchange("GET", self._url(path), self._headers)

    def send(self, method: str, path: str, body: Mapping[str, object]) -> None:
        """Posts or changes something."""
        _exchange(method, self._url(path), self._headers, body)

    def all(self, path: str) -> Iterator[Mapping[str, Any]]:
        """Every element of a list, page by page."""
        number = 1
        while True:
            elements = self.get(f"{path}?per_page={_PAGE}&page={number}")
            yield from elements
            if len(elements) < _PAGE:
                return
            number += 1

    def _url(self, path: str) -> str:
        return f"{self._api}/repos/{self.name}/{path}"


def event() -> Mapping[str, Any]:
    """What the workflow was started by. Source: GitHub Docs, Webhook events and payloads."""
    path = Path(_required("GITHUB_EVENT_PATH"))
    try:
        found: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise PipelineError(f"GITHUB_EVENT_PATH {path} cannot be read: {error}") from None
    return found


def _required(variable: str) -> str:
    value = os.environ.get(variable, "")
    if not value:
        raise PipelineError(f"{variable} is not set; this runs in a job of GitHub Actions")
    return value


def _exchange(
    method: str, url: str, headers: Mapping[str, str], body: Mapping[str, object] | None = None
) -> Any:
    data = None if body is None else json.dumps(body).encode()
    try:
        request = urllib.request.Request(url, method=method, headers=dict(headers), data=data)
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        error.close()
        raise GitHubRefused(error.code, f"{method} {_shown(url)}: {error.code}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise PipelineError(f"GitHub did not answer {method} {_shown(url)}: {error}") from None


class GitHubRefused(PipelineError):
    """A call that GitHub answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"GitHub refused {message}; see the job's permissions in its workflow")
        self.status = status


def _shown(url: str) -> str:
    """An address without its query, which can hold a secret."""
    return url.split("?", 1)[0]
