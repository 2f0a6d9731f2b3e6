"""Actions on locations: register one, remove one."""

from __future__ import annotations

from urllib.parse import urlsplit

from understage.catalog.actions.operations import Context, Operations, Output, check_texts
from understage.catalog.actions.schemas import record, text
from understage.catalog_api.permissions import (
    catalog_location_create_permission,
    catalog_location_delete_permission,
    catalog_location_read_permission,
)
from understage.errors import InputError, NotFoundError
from understage.plugin_api import ActionsRegistryService


def register_location_actions(registry: ActionsRegistryService, operations: Operations) -> None:
    """Offers the actions.

    Args:
        registry: where.
        operations: does what they are for.
    """
    actions = LocationActions(operations)
    by_id = record(("locationId",), locationId=text("The id of the location, as registering it has returned it."))
    by_url = record(("locationUrl",), locationUrl=text("The address of the file that was registered."))
    registry.register(
        name="register-entity",
        title="Register entity in the Catalog",
        description=(
            "Registers the address of a catalog-info.yaml file. The catalog reads it from now on, and all entities "
            "that it describes come in. Returns the id of the location, by which it can be unregistered."
        ),
        input_schema=record(
            ("locationUrl",),
            locationUrl=text(
                "The address of the file, such as https://git.example.com/team/web/blob/main/catalog-info.yaml"
            ),
        ),
        output_schema=record(("locationId",), locationId=text("The id of the location.")),
        destructive=False,
        action=actions.register,
    )
    registry.register(
        name="unregister-entity",
        title="Unregister entity from the Catalog",
        description=(
            "Removes a registered location, by its id or by the address that was registered, with all entities that "
            "only it has brought."
        ),
        input_schema=record(
            ("type",), type={"anyOf": [by_id, by_url], "description": "Which location: a locationId or a locationUrl."}
        ),
        output_schema=record(),
        destructive=True,
        idempotent=True,
        action=actions.unregister,
    )


class LocationActions:
    """The actions on locations.

    Args:
        operations: does what they are for.
    """

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    async def register(self, context: Context) -> Output:
        """Registers an address."""
        operations, url = self._operations, context.input["locationUrl"]
        wanted = {"type": "url", "target": url}
        async with operations.audit(
            context, "location-mutate", severity="medium", actionType="create", location=wanted, isDryRun=False
        ):
            check_texts(context)
            _check_url(url)
            await operations.access.check(catalog_location_create_permission, context.credentials)
            location = await operations.locations.create("url", url, operations.on_conflict)
            return {"locationId": location.id}

    async def unregister(self, context: Context) -> Output:
        """Removes the location of an id, or those of an address."""
        wanted = context.input["type"]
        async with self._operations.audit(context, "location-mutate", severity="medium", actionType="delete", **wanted):
            check_texts(context)
            ids = [wanted["locationId"]] if "locationId" in wanted else await self._of_url(context, wanted)
            await self._operations.access.check(catalog_location_delete_permission, context.credentials)
            for location_id in ids:
                await self._operations.locations.delete(location_id)
            return {}

    async def _of_url(self, context: Context, wanted: dict[str, str]) -> list[str]:
        url = wanted["locationUrl"]
        found = []
        if await self._operations.access.may(catalog_location_read_permission, context.credentials):
            everything = await self._operations.locations.all()
            found = [one.id for one in everything if one.target.lower() == url.lower()]
        if not found:
            raise NotFoundError(f"Location with URL {url} not found")
        return found


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InputError(f"{url} is an invalid URL") from error
    if not parts.scheme or not (parts.netloc or parts.path):
        raise InputError(f"{url} is an invalid URL")
