"""The split example as it is: two backend processes behind a real nginx."""

import json
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.not_run import not_run
from tests.support.processes import BackendProcess, free_port, running_backend

EXAMPLE = Path(__file__).parents[2] / "examples/split"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")

TOKEN = "outside-caller-of-the-split-example"


@dataclass
class Installation:
    """A copy of the example with ports of its own."""

    folder: Path
    ports: dict[str, int]

    @contextmanager
    def backend(self, name: str) -> Iterator[BackendProcess]:
        port = self.ports["7001" if name == "backend_a" else "7002"]
        with running_backend(
            ["main.py"],
            folder=self.folder / name,
            port=port,
            log=self.folder / f"{name}.log",
            environment={"PYTHONUNBUFFERED": "1"},
        ) as process:
            yield process

    def ask(
        self, path: str, *, port: str = "7000", token: str | None = None, body: Any = None, text: bool = False
    ) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"http://localhost:{self.ports[port]}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {})},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=20) as answer:
                content = answer.read()
                return answer.status, content.decode() if text else json.loads(content or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def sign_in(self) -> str:
        status, session = self.ask("/api/auth/guest/refresh")
        assert status == 200, session
        token: str = session["backstageIdentity"]["token"]
        return token

    def wait_for(self, path: str, token: str, expected: Any, *, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while (found := self.ask(path, token=token)) != (200, expected):
            assert time.monotonic() < deadline, f"{path} still says {found}, not {expected}"
            time.sleep(0.1)


@contextmanager
def running_nginx(installation: Installation) -> Iterator[None]:
    assert NGINX is not None
    with (installation.folder / "nginx.log").open("wb") as output:
        process = subprocess.Popen(
            [NGINX, "-p", str(installation.folder), "-c", "nginx.conf"], stdout=output, stderr=output
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    if NGINX is None:
        not_run("nginx is not installed")
    folder = tmp_path / "split"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("data", "__pycache__"))
    ports = {name: free_port() for name in ("7000", "7001", "7002")}
    _let_a_caller_in(folder / "backend_b/app-config.yaml")
    for file in (folder / "nginx.conf", *folder.glob("*/app-config.yaml")):
        file.write_text(re.sub(r"\b700[012]\b", lambda match: str(ports[match[0]]), file.read_text()))
    return Installation(folder, ports)


def _let_a_caller_in(config: Path) -> None:
    access = f"{{type: static, options: {{token: {TOKEN}, subject: test}}}}"
    config.write_text(
        config.read_text().replace("  trustProxy: 1\n", f"  trustProxy: 1\n  auth: {{externalAccess: [{access}]}}\n")
    )


def test_two_backends_work_as_one(installation: Installation) -> None:
    """D3, D20, D22, D50, A31, S130: backends behind a proxy call each other with tokens and share events."""
    with installation.backend("backend_b"), installation.backend("backend_a"), running_nginx(installation):
        _wait_for_nginx(installation)
        token = installation.sign_in()
        wanted = {"component": "lending-desk", "for": "librarians", "by": "user:default/guest", "text": "Quick"}
        _wait_for_catalog(installation, token)

        assert installation.ask("/api/reviews/lending-desk", body={"text": "Quick"})[0] == 401
        assert installation.ask("/api/reviews/nothing", token=token, body={"text": "Quick"})[0] == 404
        assert installation.ask("/api/reviews/lending-desk", token=token, body={"text": "Quick"}) == (201, wanted)
        installation.wait_for("/api/inbox/reviews", token, {"reviews": [wanted]})

        # Without nginx: the gateway of backend A passes the request on; backend B has none.
        again = {**wanted, "text": "Again", "component": "card-index"}
        answer = installation.ask("/api/reviews/card-index", port="7001", token=token, body={"text": "Again"})
        assert answer == (201, again)
        installation.wait_for("/api/inbox/reviews", token, {"reviews": [wanted, again]})
        assert installation.ask("/api/inbox/reviews", port="7002", token=token) == (404, None)
        status, loop = installation.ask("/api/nowhere", port="7001", token=token)
        assert (status, loop["error"]["name"]) == (508, "LoopDetectedError")


def test_events_outlive_a_restart(installation: Installation) -> None:
    """S130, E9, D50: what is published while the subscriber's backend is away arrives when it is back."""
    with installation.backend("backend_b"), running_nginx(installation):
        with installation.backend("backend_a"):
            _wait_for_nginx(installation)
            token = installation.sign_in()
            _wait_for_catalog(installation, token)
            assert installation.ask("/api/reviews/lending-desk", token=token, body={"text": "One"})[0] == 201
            installation.wait_for("/api/inbox/reviews", token, {"reviews": [_review("One")]})
        # Only an event that is in the bus's tables can arrive: the subscriber is not there.
        _publish_directly(installation, _review("Two"))
        with installation.backend("backend_a"):
            installation.wait_for("/api/inbox/reviews", installation.sign_in(), {"reviews": [_review("Two")]})


def _review(text: str) -> dict[str, str]:
    return {"component": "lending-desk", "for": "librarians", "by": "user:default/guest", "text": text}


def _publish_directly(installation: Installation, review: dict[str, str]) -> None:
    """Publishes with a token for outside callers, which needs nobody in backend A."""
    body = {"event": {"topic": "reviews.written", "payload": review}}
    status, answer = installation.ask("/api/events/bus/v1/events", token=TOKEN, body=body)
    assert status == 201, answer


def _wait_for_nginx(installation: Installation) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            assert installation.ask("/.backstage/health/v1/readiness")[0] == 200
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < deadline, (installation.folder / "nginx.log").read_text()
            time.sleep(0.05)
        else:
            return


def _wait_for_catalog(installation: Installation, token: str) -> None:
    deadline = time.monotonic() + 30
    for name in ("lending-desk", "card-index"):
        while installation.ask(f"/api/catalog/entities/by-name/component/default/{name}", token=token)[0] != 200:
            assert time.monotonic() < deadline, "the catalog did not read its entities"
            time.sleep(0.1)
