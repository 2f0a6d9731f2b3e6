"""SIGTERM under load, with time for load balancers to notice."""

import http.client
import signal
import time
from contextlib import AbstractContextManager, ExitStack, closing

import httpx2
from tests.faults.conftest import STATIC_TOKEN, Installation, wait_for_components
from tests.support.load import Load
from tests.support.processes import READINESS, BackendProcess

DELAY_SECONDS = 4
LOAD_SECONDS = 3
PATH = "/api/catalog/entities/by-query?limit=20"
HEADERS = {"authorization": f"Bearer {STATIC_TOKEN}"}


def is_ready(backend: BackendProcess) -> bool:
    return httpx2.get(backend.url + READINESS).status_code == 200


def wait_until_unready(backend: BackendProcess) -> None:
    deadline = time.monotonic() + 2
    while is_ready(backend):
        assert time.monotonic() < deadline, "readiness does not tell of the stop"
        time.sleep(0.01)


def connected(backend: BackendProcess) -> AbstractContextManager[http.client.HTTPConnection]:
    return closing(http.client.HTTPConnection("127.0.0.1", backend.port, timeout=20))


def ask(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
    connection.request("GET", PATH, headers=HEADERS)
    answer = connection.getresponse()
    answer.read()
    return answer


def test_no_request_is_lost_while_the_stop_is_announced(sqlite: Installation, client: httpx2.Client) -> None:
    """H50, H61, H93: after SIGTERM readiness fails at once, and until the shutdown delay has passed no request under a
    steady load is refused, reset or answered by an error; idle connections are closed, and the exit code is 0."""
    sqlite.generate(200, 1)
    delay = f"{DELAY_SECONDS}s"
    with sqlite.running(APP_CONFIG_backend_lifecycle_serverShutdownDelay=delay) as backend, ExitStack() as stack:
        wait_for_components(client, backend, 200)
        idle = stack.enter_context(connected(backend))
        kept = stack.enter_context(connected(backend))
        assert ask(idle).getheader("connection") == ask(kept).getheader("connection") == "keep-alive"
        load = Load(backend.url + PATH, seconds=LOAD_SECONDS, headers=HEADERS)
        time.sleep(1)
        backend.process.send_signal(signal.SIGTERM)
        wait_until_unready(backend)
        told = ask(kept)
        assert (told.status, told.getheader("connection")) == (200, "close")
        result = load.result()
        assert backend.process.poll() is None, "the delay was over before the load: the test says nothing"
        assert (result.refused, result.broken) == (0, 0)
        assert result.answered > 200
        assert backend.process.wait(DELAY_SECONDS + 10) == 0
        assert idle.sock is not None
        assert idle.sock.recv(1) == b""


def test_a_load_that_goes_on_is_cut_only_after_the_announcement(sqlite: Installation, client: httpx2.Client) -> None:
    """H60, H93: who does not look at readiness is served until the end of the delay, and then finds nobody; the backend
    does not wait for such clients."""
    sqlite.generate(200, 1)
    with sqlite.running(APP_CONFIG_backend_lifecycle_serverShutdownDelay="1s") as backend:
        wait_for_components(client, backend, 200)
        load = Load(backend.url + PATH, seconds=8, headers=HEADERS)
        time.sleep(1)
        backend.process.send_signal(signal.SIGTERM)
        assert backend.process.wait(6) == 0
        result = load.result()
    assert result.answered > 200
    assert not [line for line in backend.log.read_text().splitlines() if line.startswith("Traceback")]
