import asyncio

from understage.defaults.root_lifecycle.root_lifecycle import DefaultRootLifecycle, close_after_shutdown
from understage.testing import mock_services


async def test_what_requests_use_closes_after_them() -> None:
    """W111, H93: after-shutdown hooks wait for all shutdown hooks, such as a server that drains."""
    lifecycle = DefaultRootLifecycle(mock_services.root_logger())
    order: list[str] = []

    async def drain() -> None:
        await asyncio.sleep(0.01)
        order.append("drained")

    close_after_shutdown(lifecycle, lambda: order.append("closed"))
    lifecycle.add_shutdown_hook(drain)
    await lifecycle.shutdown()
    assert order == ["drained", "closed"]


async def test_a_custom_lifecycle_closes_at_shutdown() -> None:
    """W117: a root lifecycle of somebody else's, which knows no later phase, gets a plain shutdown hook."""
    lifecycle = mock_services.root_lifecycle.mock()
    close_after_shutdown(lifecycle, print)
    lifecycle.add_shutdown_hook.assert_called_once_with(print)
