"""`understage catalog explain`: explains an entity at the command line."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime

import click
import msgspec

from understage.catalog.explain.facts import explain as explain_stored
from understage.catalog.explain.model import Explanation
from understage.catalog.explain.text import as_text
from understage.catalog_api import parse_entity_ref
from understage.errors import InputError, NotFoundError, ServiceUnavailableError
from understage.plugin_api import OpenCommandServices

TIMEOUT_SECONDS = 60
UNDEFINED_TABLE = "42P01"


@click.group()
def catalog() -> None:
    """Looks into the software catalog."""


@catalog.command()
@click.argument("entity_ref")
@click.option("--config", "configs", multiple=True, help="A configuration file or URL; repeatable, the last one wins.")
@click.option("--url", help="Ask the backend at this address instead of the database, such as http://localhost:7007.")
@click.option("--token", envvar="UNDERSTAGE_TOKEN", help="The token for --url; also by UNDERSTAGE_TOKEN.")
@click.option("--json", "is_json", is_flag=True, help="Write JSON instead of text.")
@click.pass_obj
def explain(
    open_services: OpenCommandServices,
    entity_ref: str,
    configs: Sequence[str],
    url: str | None,
    token: str | None,
    is_json: bool,
) -> None:
    """Tells where an entity comes from, why it is not visible, and what it waits for.

    ENTITY_REF is a full name, such as component:default/web; the namespace may be left out. By default the configured
    database is read, and nothing is changed in it. A running backend (--url) also runs its processors over the entity,
    without storing anything, and tells what each of them does.

    Exits with 1 if the entity is not served.
    """
    ref = str(parse_entity_ref(entity_ref))
    found = _ask(url, token, ref) if url else asyncio.run(_read(open_services, configs, ref))
    if is_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        click.echo(as_text(found), nl=False)
    if not found.is_served:
        raise SystemExit(1)


async def _read(open_services: OpenCommandServices, configs: Sequence[str], ref: str) -> Explanation:
    async with open_services("catalog", configs) as services:
        try:
            return await explain_stored(services.database, ref, datetime.now(UTC))
        except Exception as error:
            if getattr(error, "sqlstate", None) == UNDEFINED_TABLE or "no such table" in str(error):
                raise NotFoundError(
                    "there is no catalog of this version in the configured database: start the backend once, or name"
                    " the right configuration by --config",
                    error,
                ) from error
            raise


def _ask(url: str, token: str | None, ref: str) -> Explanation:
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise InputError(f"--url: '{url}' is no address of a backend; expected one such as http://localhost:7007")
    parts = parse_entity_ref(ref)
    path = "/".join(urllib.parse.quote(part, safe="") for part in (parts.kind, parts.namespace, parts.name))
    address = f"{url.rstrip('/')}/api/catalog/entities/by-name/{path}/explanation"
    headers = {"authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 - http or https, as checked
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310 - as above
            return msgspec.json.decode(response.read(), type=Explanation)
    except urllib.error.HTTPError as error:
        hint = "; pass a token by --token or UNDERSTAGE_TOKEN" if error.code == 401 else ""
        raise ServiceUnavailableError(f"{address} answered {error.code} {error.reason}{hint}") from error
    except urllib.error.URLError as error:
        raise ServiceUnavailableError(f"{address} does not answer: {error.reason}") from error
