"""A backend with the catalog, and a plugin that watches how long the event loop is kept busy in one go.

`GET /api/watch` gives the longest time between two beats of a heart that wants to beat each 5 ms: by the clock, which a
busy machine disturbs, and by the processor time of the loop's thread, which it does not. Asking starts it anew.
"""

import asyncio
import time

import msgspec

from understage.defaults import create_backend
from understage.plugin_api import HttpRouter, PluginRegistrationPoints, Receive, Scope, Send, create_backend_plugin

BEAT_SECONDS = 0.005


class Heart:
    def __init__(self) -> None:
        self.longest_wall = self.longest_cpu = 0.0
        self.over_10_ms = 0

    async def beat(self) -> None:
        while True:
            wall, cpu = time.perf_counter(), time.thread_time()
            await asyncio.sleep(BEAT_SECONDS)
            self.longest_wall = max(self.longest_wall, time.perf_counter() - wall - BEAT_SECONDS)
            used = max(0.0, time.thread_time() - cpu - BEAT_SECONDS)
            self.over_10_ms += used > 0.010
            self.longest_cpu = max(self.longest_cpu, used)

    def report(self) -> dict[str, float]:
        figures = {
            "longest_wall_ms": round(self.longest_wall * 1000, 1),
            "longest_cpu_ms": round(self.longest_cpu * 1000, 1),
            "over_10_ms": self.over_10_ms,
        }
        self.longest_wall = self.longest_cpu = 0.0
        self.over_10_ms = 0
        return figures


@create_backend_plugin(plugin_id="watch")
def watch_plugin(env: PluginRegistrationPoints) -> None:
    @env.register_init
    async def init(http_router: HttpRouter) -> None:
        heart = Heart()
        beating = asyncio.create_task(heart.beat())

        async def watch(scope: Scope, receive: Receive, send: Send) -> None:
            assert not beating.done()
            await send(
                {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
            )
            await send({"type": "http.response.body", "body": msgspec.json.encode(heart.report())})

        http_router.use(watch)
        http_router.add_auth_policy(path="/", allow="unauthenticated")


backend = create_backend()
backend.add("understage.catalog")
backend.add(watch_plugin)

if __name__ == "__main__":
    backend.run()
