"""Users of the catalog, asked for as this plugin itself: nobody is signed in yet."""

from collections.abc import Sequence

from understage.auth_api import CatalogUserQuery, Entity
from understage.catalog_api import CatalogClient, parse_entity_ref, stringify_entity_ref
from understage.errors import ConflictError, NotFoundError
from understage.plugin_api import AuthService


class CatalogUsers:
    """Finds users in the catalog.

    Args:
        auth: mints the token for the request.
        catalog: the catalog's client.
    """

    def __init__(self, auth: AuthService, catalog: CatalogClient) -> None:
        self._auth = auth
        self._catalog = catalog

    async def find(self, query: CatalogUserQuery) -> Entity:
        """Finds a user.

        Raises:
            NotFoundError: there is none.
            ConflictError: there are several.
        """
        found = await self._find_all(query)
        if not found:
            raise NotFoundError("User not found")
        if len(found) > 1:
            refs = ", ".join(sorted(stringify_entity_ref(entity) for entity in found))
            raise ConflictError(f"Several users match the sign-in: {refs}")
        return found[0]

    async def _find_all(self, query: CatalogUserQuery) -> list[Entity]:
        token = await self._auth.get_plugin_request_token(
            on_behalf_of=await self._auth.get_own_service_credentials(), target_plugin_id="catalog"
        )
        if query.entity_ref is not None:
            ref = parse_entity_ref(query.entity_ref, default_kind="user", default_namespace="default")
            entity = await self._catalog.get_entity_by_ref(stringify_entity_ref(ref), token=token)
            return [] if entity is None else [entity]
        # Where parameters cannot say it the client sends a predicate, so that no value can add a condition of its own.
        page = await self._catalog.query_entities(filter=_user_filter(query), token=token)
        return list(page.items)


def _user_filter(query: CatalogUserQuery) -> dict[str, str | Sequence[str]]:
    wanted: dict[str, str | Sequence[str]] = {"kind": "user", **(query.filter or {})}
    return wanted | {f"metadata.annotations.{name}": value for name, value in (query.annotations or {}).items()}
