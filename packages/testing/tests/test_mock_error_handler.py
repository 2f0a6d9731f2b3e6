from httpx2 import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from understage.errors import ConflictError
from understage.testing import mock_error_handler


async def fail(request: Request) -> Response:
    raise ConflictError("taken")


async def test_failures_become_error_documents() -> None:
    """T10: a router that is tested without a backend answers failures as it would in one."""
    app = mock_error_handler(Starlette(routes=[Route("/fail", fail)]))
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        response = await client.get("/fail?x=1")
        assert response.status_code == 409
        assert response.json() == {
            "error": {"name": "ConflictError", "message": "taken"},
            "request": {"method": "GET", "url": "/fail?x=1"},
            "response": {"statusCode": 409},
        }
        assert (await client.get("/other")).content == b""
