"""A backend with guest sign-in and two busy plugins: each request computes for BENCHMARK_MILLISECONDS, 1 by default."""

import os
import time

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from understage.defaults import create_backend
from understage.plugin_api import BackendPlugin, HttpRouter, PluginRegistrationPoints, create_backend_plugin

MILLISECONDS = float(os.environ.get("BENCHMARK_MILLISECONDS", "1"))


def compute(steps: int) -> int:
    return sum(number * number for number in range(steps))


def steps_that_take(milliseconds: float) -> int:
    """Returns how much work takes so long here: the same for both sides, as both are measured on one machine."""
    return int(10_000 * milliseconds / best_milliseconds(10_000))


def best_milliseconds(steps: int) -> float:
    times: list[float] = []
    for _ in range(20):
        begin = time.perf_counter()
        compute(steps)
        times.append(time.perf_counter() - begin)
    return min(times) * 1000


def busy_plugin(plugin_id: str) -> BackendPlugin[[]]:
    @create_backend_plugin(plugin_id=plugin_id)
    def busy(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(http_router: HttpRouter) -> None:
            steps = int(os.environ.get("BENCHMARK_STEPS", "0")) or steps_that_take(MILLISECONDS)

            async def work(request: Request) -> PlainTextResponse:
                return PlainTextResponse(str(compute(steps)))

            http_router.use(Starlette(routes=[Route("/work", work)]))

    return busy


backend = create_backend()
backend.add("understage.auth")
backend.add("understage.auth_module_guest_provider")
backend.add(busy_plugin("one"))
backend.add(busy_plugin("two"))

if __name__ == "__main__":
    backend.run()
