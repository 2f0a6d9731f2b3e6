"""Requests that pass while the gateway stops."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest


async def test_requests_under_way_are_answered(start_gateway: Any, echo: Any) -> None:
    """D20: a request that passes when the backend stops is answered, before connections to the others close."""
    stopping = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"one"
        await stopping.wait()
        yield b"two"

    async with start_gateway() as gateway, httpx2.AsyncClient(base_url=gateway.url) as client:
        asking = asyncio.create_task(client.post("/api/echo/anything", content=body()))
        await asyncio.wait_for(echo.got_chunk.wait(), 5)
        stop = asyncio.create_task(gateway.stop())
        await asyncio.sleep(0.1)
        assert not stop.done()
        stopping.set()
        answer = await asyncio.wait_for(asking, 5)
        assert (answer.status_code, answer.json()["body"]) == (207, "onetwo")
        await asyncio.wait_for(stop, 5)


async def test_streams_do_not_hold_the_stop(start_gateway: Any) -> None:
    """D20: a stream of events has no end to wait for, so it is cut off when the backend stops."""
    async with (
        start_gateway() as gateway,
        httpx2.AsyncClient(base_url=gateway.url) as client,
        client.stream("GET", "/api/echo/stream") as answer,
    ):
        parts = answer.aiter_raw()
        assert await asyncio.wait_for(anext(parts), 5) == b"data: 1\n\n"
        stop = asyncio.create_task(gateway.stop())
        with pytest.raises(httpx2.RemoteProtocolError):
            await asyncio.wait_for(anext(parts), 5)
        await asyncio.wait_for(stop, 5)
