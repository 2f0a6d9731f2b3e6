"""What a request to the first and to the last of 200 plugins costs, in process.

python benchmarks/dispatch.py
"""

import asyncio
import json
import time

from understage.plugin_api import (
    BackendPlugin,
    HttpRouter,
    Message,
    PluginRegistrationPoints,
    Receive,
    Scope,
    Send,
    create_backend_plugin,
)
from understage.testing import start_test_backend

PLUGINS = 200
REQUESTS = 3000


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def plugin(number: int) -> BackendPlugin[[]]:
    @create_backend_plugin(plugin_id=f"plugin-{number}")
    def feature(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(http_router: HttpRouter) -> None:
            http_router.use(answer)

    return feature


async def receive() -> Message:
    return {"type": "http.request", "body": b""}


async def ignore(message: Message) -> None:
    assert message


def request(path: str) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"authorization", b"Bearer mock-user-token")],
        "client": ("127.0.0.1", 1),
    }


async def main() -> None:
    """Prints microseconds per request, the best of three rounds."""
    async with start_test_backend(features=[plugin(number) for number in range(PLUGINS)]) as backend:
        app = backend.server.app
        assert app is not None
        for number in (0, PLUGINS - 1):
            rounds = []
            for _ in range(3):
                begin = time.perf_counter()
                for _ in range(REQUESTS):
                    await app(request(f"/api/plugin-{number}/x"), receive, ignore)
                rounds.append((time.perf_counter() - begin) / REQUESTS * 1e6)
            print(json.dumps({"benchmark": "dispatch", "plugin": number + 1, "microseconds": round(min(rounds), 1)}))


if __name__ == "__main__":
    asyncio.run(main())
