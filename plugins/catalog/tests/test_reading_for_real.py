"""Reading addresses through the real service: dry runs, validation, and what is never read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.support.waiting import until

from understage.catalog import feature as catalog_feature
from understage.defaults.url_reader import url_reader_service_factory
from understage.testing import mock_services, start_test_backend

LOCATION = (
    "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: all}\nspec: {targets: [./b.yaml]}\n"
    "---\napiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: {name: orders}\n"
    "spec: {type: openapi, lifecycle: production, owner: team, definition: {$text: ./api.txt}}\n"
)
COMPONENT = (
    "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: web}\n"
    "spec: {type: service, lifecycle: production, owner: team}\n"
)


@asynccontextmanager
async def files_over_http(files: dict[str, str]) -> AsyncIterator[tuple[str, list[str]]]:
    """Serves texts; gives the address, and the requests so far with their etags."""
    requests: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split()[1]
        requests.append(path + (" known" if f'if-none-match: "{hash(files.get(path))}"' in head.lower() else ""))
        if path not in files:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        elif requests[-1].endswith(" known"):
            writer.write(b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n")
        else:
            body = files[path].encode()
            etag = f'ETag: "{hash(files[path])}"\r\n'
            writer.write(f"HTTP/1.1 200 OK\r\n{etag}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode())
            writer.write(body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", requests


def features(*allowed: str, **catalog: Any) -> list[Any]:
    reading = {"reading": {"allow": [{"host": host.removeprefix("http://")} for host in allowed]}}
    return [
        catalog_feature,
        url_reader_service_factory,
        mock_services.root_config.factory(data={"backend": reading, "catalog": catalog}),
    ]


async def test_a_dry_run_reads_targets_and_placeholders() -> None:
    """K199: a dry run reads the address, the targets that it names and what placeholders stand for."""
    files = {"/a.yaml": LOCATION, "/b.yaml": COMPONENT, "/api.txt": "openapi: 3"}
    async with files_over_http(files) as (host, _), start_test_backend(features=features(host)) as backend:
        place = {"type": "url", "target": f"{host}/a.yaml"}
        response = await backend.client.post("/api/catalog/locations?dryRun=true", json=place)
        listed = await backend.client.get("/api/catalog/locations")
    assert response.status_code == 201, response.text
    entities = {entity["metadata"]["name"]: entity for entity in response.json()["entities"]}
    assert set(entities) >= {"all", "orders", "web"}
    assert entities["orders"]["spec"]["definition"] == "openapi: 3"
    assert listed.json() == []


async def test_validation_reads_targets_and_placeholders() -> None:
    """K237: validating a Location reads what it names; what is wrong with that is told, and nothing is stored."""
    files = {"/api.txt": "openapi: 3"}
    async with files_over_http(files) as (host, _), start_test_backend(features=features(host)) as backend:

        async def validate(kind: str, **spec: Any) -> Any:
            head = {"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": {"name": "x"}}
            body = {"entity": {**head, "spec": spec}, "location": f"url:{host}/a.yaml"}
            return await backend.client.post("/api/catalog/validate-entity", json=body)

        api = {"type": "openapi", "lifecycle": "production", "owner": "team"}
        good = await validate("API", definition={"$text": "./api.txt"}, **api)
        bad = await validate("API", definition={"$text": "./gone.txt"}, **api)
        place = await validate("Location", target="./gone.yaml")
    assert good.status_code == 200
    assert "Placeholder $text could not read location ./gone.txt" in bad.json()["errors"][0]["message"]
    assert "no matching files found" in place.json()["errors"][0]["message"]


async def test_nobody_reads_what_is_not_allowed() -> None:
    """K237, K379: neither dry runs nor validation nor placeholders reach addresses that are not allowed."""
    async with files_over_http({"/a.yaml": COMPONENT}) as (host, requests):
        async with start_test_backend(features=features()) as backend:
            place = {"type": "url", "target": f"{host}/a.yaml"}
            dry = await backend.client.post("/api/catalog/locations?dryRun=true", json=place)
            head = {"apiVersion": "backstage.io/v1alpha1", "metadata": {"name": "x"}}
            answers = [
                await backend.client.post(
                    "/api/catalog/validate-entity",
                    json={"entity": {**head, "kind": kind, "spec": spec}, "location": "url:https://x/y.yaml"},
                )
                for kind, spec in (
                    ("Location", {"target": f"{host}/a.yaml"}),
                    ("Component", {"type": {"$text": f"{host}/a.yaml"}, "lifecycle": "x", "owner": "y"}),
                    ("Location", {"target": "http://169.254.169.254/latest/meta-data"}),
                )
            ]
        assert requests == []
    assert [response.status_code for response in (dry, *answers)] == [400] * 4
    assert all("backend.reading.allow" in response.text for response in (dry, *answers))


async def test_registered_addresses_are_read_and_served() -> None:
    """K435, K454: a registered address is read in the background, asked for by its etag, and its entities served."""
    files = {"/b.yaml": COMPONENT}
    async with (
        files_over_http(files) as (host, requests),
        start_test_backend(features=features(host, processingInterval={"seconds": 1})) as backend,
    ):
        place = {"type": "url", "target": f"{host}/b.yaml"}
        created = await backend.client.post("/api/catalog/locations", json=place)
        assert created.status_code == 201
        await until(lambda: "/b.yaml known" in requests)
        served = await backend.client.get("/api/catalog/entities/by-name/component/default/web")
        assert served.status_code == 200
        assert served.json()["metadata"]["annotations"]["backstage.io/view-url"] == f"{host}/b.yaml"


async def test_a_rate_limit_is_no_error_of_a_dry_run() -> None:
    """K200: a host that wants a pause makes a dry run a 503 with the time to wait, not an error of the file."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 77\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    host = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, start_test_backend(features=features(host)) as backend:
        place = {"type": "url", "target": f"{host}/a.yaml"}
        dry = await backend.client.post("/api/catalog/locations?dryRun=true", json=place)
        head = {"apiVersion": "backstage.io/v1alpha1", "kind": "Location", "metadata": {"name": "x"}}
        body = {"entity": {**head, "spec": {"target": "./a.yaml"}}, "location": f"url:{host}/y.yaml"}
        validated = await backend.client.post("/api/catalog/validate-entity", json=body)
    for response in (dry, validated):
        assert response.status_code == 503
        assert 70 <= int(response.headers["retry-after"]) <= 77


async def test_an_entity_is_judged_at_the_given_place() -> None:
    """K238: the annotations of the given location count, and what placeholders are relative to.

    deviation: not those that the entity sets itself, since it could claim to be a file of this machine.
    """
    async with (
        files_over_http({"/here/api.txt": "openapi: 3"}) as (host, requests),
        start_test_backend(features=features(host)) as backend,
    ):
        claim = {"backstage.io/managed-by-location": f"url:{host}/elsewhere/a.yaml"}
        spec = {"type": "x", "lifecycle": "y", "owner": "z", "definition": {"$text": "./api.txt"}}
        metadata = {"name": "x", "annotations": claim}
        api = {"apiVersion": "backstage.io/v1alpha1", "kind": "API", "metadata": metadata, "spec": spec}
        body = {"entity": api, "location": f"url:{host}/here/a.yaml"}
        response = await backend.client.post("/api/catalog/validate-entity", json=body)
    assert response.status_code == 200, response.text
    assert requests == ["/here/api.txt"]
