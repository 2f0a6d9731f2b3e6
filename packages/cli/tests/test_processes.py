"""`understage start --processes`: real processes, found by their ids, asked through the port of the front."""

import http.client
import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import subprocess

    from packages.cli.tests.conftest import Project

PATIENCE_SECONDS = 30
TOKEN = "static-token-of-the-tests"
MAIN = """\
from understage.defaults import create_backend

from peers import peer

backend = create_backend()
for plugin_id in ("alpha", "beta", "gamma"):
    backend.add(peer(plugin_id))
"""
# Each plugin tells its process, waits when asked to, and asks another one with a token of its own.
PEERS = """\
import asyncio
import os
import pathlib

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from understage.plugin_api import (
    Auth, Discovery, HttpAuth, HttpRouter, RootConfig, RootHttpClient, create_backend_plugin
)


def peer(plugin_id):
    @create_backend_plugin(plugin_id=plugin_id)
    def feature(env):
        @env.register_init
        async def init(
            auth: Auth, config: RootConfig, discovery: Discovery, http: RootHttpClient, http_auth: HttpAuth,
            http_router: HttpRouter,
        ) -> None:
            if config.get_optional_string("app.broken") == plugin_id:
                raise RuntimeError("broken on purpose")
            while plugin_id == "alpha" and pathlib.Path("delay").exists():
                await asyncio.sleep(0.05)

            async def pid(request):
                if "seconds" in request.query_params:
                    pathlib.Path("under-way").touch()
                    await asyncio.sleep(float(request.query_params["seconds"]))
                return JSONResponse(os.getpid())

            async def who(request):
                credentials = await http_auth.credentials(request, allow=["service"])
                return JSONResponse(credentials.principal.subject)

            async def ask(request):
                target = request.query_params["plugin"]
                token = await auth.get_plugin_request_token(
                    on_behalf_of=await auth.get_own_service_credentials(), target_plugin_id=target
                )
                url = f"{await discovery.get_base_url(target)}/who"
                answer = await http.request("GET", url, headers={"authorization": f"Bearer {token}"})
                return JSONResponse(answer.json(), status_code=answer.status)

            http_router.use(Starlette(routes=[Route("/pid", pid), Route("/who", who), Route("/ask", ask)]))
            http_router.add_auth_policy(path="/pid", allow="unauthenticated")

    return feature
"""
CONFIG = """
app:
  baseUrl: http://localhost:{port}
backend:
  baseUrl: http://localhost:{port}
  listen: 127.0.0.1:{port}
  database: {{client: better-sqlite3, connection: ':memory:'}}
  auth:
    externalAccess:
      - {{type: static, options: {{token: {token}, subject: the-tests}}}}
  processes:
    groups:
      first: [alpha]
      second: [beta]
"""
Spawn = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture(autouse=True)
def peers(project: "Project") -> None:
    (project.folder / "main.py").write_text(MAIN)
    (project.folder / "peers.py").write_text(PEERS)
    (project.folder / "app-config.yaml").write_text(CONFIG.format(port=project.port, token=TOKEN))


def get(project: "Project", path: str) -> Any:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    request = urllib.request.Request(f"http://127.0.0.1:{project.port}/api{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=15) as response:
        return json.load(response)


def log(project: "Project") -> str:
    return (project.folder / "output.log").read_text()


def eventually(project: "Project", check: Callable[[], Any], process: "subprocess.Popen[bytes] | None" = None) -> Any:
    """Waits until a check gives something true, and returns that; no answer counts as false."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            if found := check():
                return found
        except OSError:
            pass
        assert process is None or process.poll() is None, log(project)
        assert time.monotonic() < deadline, log(project)
        time.sleep(0.05)


def pids(project: "Project") -> dict[str, int]:
    return {plugin: get(project, f"/{plugin}/pid") for plugin in ("alpha", "beta", "gamma")}


def started(project: "Project", spawn: Spawn, *arguments: str) -> "subprocess.Popen[bytes]":
    process = spawn("start", *(arguments or ["--processes"]))
    eventually(project, lambda: "All processes have started" in log(project), process)
    return process


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_plugin_answers_at_the_fronts_port(project: "Project", spawn: Spawn) -> None:
    """Each group has a process of its own, the rest shares the front's, and tokens are good between all of them."""
    process = started(project, spawn)
    found = pids(project)
    assert len({*found.values(), process.pid}) == 4
    for asker in found:
        for asked in found:
            assert get(project, f"/{asker}/ask?plugin={asked}") == f"plugin:{asker}", log(project)


def test_groups_may_be_given_instead(project: "Project", spawn: Spawn) -> None:
    """--group replaces the configuration's groups, and needs no --processes."""
    started(project, spawn, "--group", "both=alpha,beta")
    found = pids(project)
    assert found["alpha"] == found["beta"] != found["gamma"]


@pytest.mark.parametrize("plugin", ["alpha", "gamma"], ids=["a group", "the front"])
def test_a_killed_process_is_started_again(project: "Project", spawn: Spawn, plugin: str) -> None:
    """After kill -9 a process comes back with its plugins, the others do not notice, and the end is still clean."""
    process = started(project, spawn)
    before = pids(project)
    os.kill(before[plugin], signal.SIGKILL)
    eventually(project, lambda: get(project, f"/{plugin}/pid") != before[plugin], process)
    after = pids(project)
    assert {name for name in before if before[name] != after[name]} == {plugin}
    assert get(project, f"/{plugin}/ask?plugin=beta") == f"plugin:{plugin}"
    assert "ended with signal SIGKILL and starts again in 0.25 s" in log(project)
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0, log(project)


def readiness(project: "Project") -> tuple[int, str | None]:
    url = f"http://127.0.0.1:{project.port}/.backstage/health/v1/readiness"
    try:
        with urllib.request.urlopen(url, timeout=15) as response:
            return response.status, json.load(response).get("message")
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["message"]


def test_the_front_is_not_ready_without_a_group(project: "Project", spawn: Spawn) -> None:
    """H51: while a group's process is missing the front's readiness says so, also after a restart of the front."""
    delay = project.folder / "delay"
    process = started(project, spawn)
    before = pids(project)
    assert readiness(project) == (200, None)
    delay.touch()
    os.kill(before["alpha"], signal.SIGKILL)
    eventually(project, lambda: readiness(project) == (503, "The process 'first' is not running"), process)
    assert get(project, "/beta/pid") == before["beta"]
    os.kill(before["gamma"], signal.SIGKILL)
    eventually(project, lambda: get(project, "/gamma/pid") != before["gamma"], process)
    eventually(project, lambda: readiness(project) == (503, "The process 'first' is not running"), process)
    delay.unlink()
    eventually(project, lambda: readiness(project) == (200, None), process)
    assert get(project, "/alpha/pid") != before["alpha"]


def test_sigterm_drains(project: "Project", spawn: Spawn) -> None:
    """A request that is under way in a group when SIGTERM comes is answered; then all processes are gone."""
    process = started(project, spawn)
    found = pids(project)
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(get(project, "/alpha/pid?seconds=1.5")))
    asking.start()
    eventually(project, (project.folder / "under-way").exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0, log(project)
    asking.join(15)
    assert answers == [found["alpha"]], log(project)
    assert not any(is_running(pid) for pid in found.values())


def test_a_second_signal_ends_all_at_once(project: "Project", spawn: Spawn) -> None:
    """Who does not want to wait for requests under way sends a second signal, and the exit code tells."""
    process = started(project, spawn)
    found = pids(project)

    def ask() -> None:
        with pytest.raises((OSError, http.client.HTTPException)):
            get(project, "/alpha/pid?seconds=20")

    asking = threading.Thread(target=ask)
    asking.start()
    eventually(project, (project.folder / "under-way").exists)
    process.send_signal(signal.SIGTERM)
    eventually(project, lambda: "Stopping all processes" in log(project))
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 1, log(project)
    asking.join(5)
    assert not any(is_running(pid) for pid in found.values())


def test_processes_end_with_their_supervisor(project: "Project", spawn: Spawn) -> None:
    """A supervisor that is killed leaves no process behind."""
    process = started(project, spawn)
    found = pids(project)
    process.kill()
    eventually(project, lambda: not any(is_running(pid) for pid in found.values()))


@pytest.mark.parametrize("plugin", ["beta", "gamma"], ids=["a group", "the front"])
def test_a_failing_plugin_fails_the_start(project: "Project", spawn: Spawn, plugin: str) -> None:
    """A process that never started is not tried again: all stop, with exit code 1, as one process would."""
    (project.folder / "app-config.local.yaml").write_text(f"app: {{broken: {plugin}}}")
    process = spawn("start", "--processes")
    assert process.wait(PATIENCE_SECONDS) == 1, log(project)
    assert "broken on purpose" in log(project)
    assert "A process failed to start, so all of them stop" in log(project)
    with pytest.raises(urllib.error.URLError):
        get(project, "/alpha/pid")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--group", "a=alpha,delta"], "group 'a' has plugin 'delta', but the backend has not; it has 'alpha', "),
        (["--group", "a=alpha", "--group", "b=alpha"], "plugin 'alpha' is in two groups, 'a' and 'b'"),
        (["--group", "front=alpha"], "a group cannot be called 'front'"),
        (["--group", "a=gateway"], "plugin 'gateway' cannot be in group 'a'"),
        (["--group", "alpha"], "expected a group as NAME=PLUGIN,PLUGIN, got 'alpha'"),
    ],
)
def test_groups_that_cannot_be(project: "Project", arguments: list[str], said: str) -> None:
    """A wrong group is said on standard error before anything starts."""
    done = project.understage("start", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr


def test_nothing_to_place(project: "Project") -> None:
    """Without any group the command says how to name one."""
    (project.folder / "app-config.local.yaml").write_text("backend: {processes: null}")
    done = project.understage("start", "--processes")
    assert done.returncode == 1
    assert "hint: understage start --group catalog=catalog,search" in done.stderr


def test_single_plugins(project: "Project", spawn: Spawn) -> None:
    """--plugin runs some plugins only; the others are not found."""
    process = spawn("start", "--plugin", "alpha", "--plugin", "beta")
    assert eventually(project, lambda: get(project, "/alpha/pid") == get(project, "/beta/pid"), process)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(project, "/gamma/pid")


def test_options_that_exclude_each_other(project: "Project") -> None:
    """One process or several: the options of both together are wrong usage."""
    done = project.understage("start", "--processes", "--plugin", "alpha")
    assert (done.returncode, done.stdout) == (2, "")
