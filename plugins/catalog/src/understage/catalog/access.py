"""Who may do what: decisions of the permission service become conditions on entities, which queries keep to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from understage.catalog.database import reads
from understage.catalog.query.predicates import EVERYTHING, NOTHING, Predicate
from understage.catalog.query.searches import criteria_predicate, search_predicate
from understage.catalog_api.permission_rules import catalog_entity_permission_resource_ref
from understage.catalog_api.permissions import (
    RESOURCE_TYPE_CATALOG_ENTITY,
    catalog_entity_delete_permission,
    catalog_entity_read_permission,
    catalog_entity_refresh_permission,
)
from understage.errors import InputError, NotAllowedError, UnderstageError
from understage.plugin_api import (
    BasicPermission,
    Condition,
    ConditionalDecision,
    Credentials,
    DatabaseService,
    DefinitiveDecision,
    PermissionRequest,
    PermissionsRegistryService,
    PermissionsService,
    ResourcePermission,
)


class Access:
    """Tells what somebody may do with the catalog.

    Conditions are put to entities here, in the query that reads them: the permission service is asked once a request.

    Args:
        permissions: decides.
        registry: knows the rules that conditions name, also those of modules.
        database: the catalog's database.
    """

    def __init__(
        self, permissions: PermissionsService, registry: PermissionsRegistryService, database: DatabaseService
    ) -> None:
        self._permissions = permissions
        self._rules = registry.get_permission_ruleset(catalog_entity_permission_resource_ref)
        self._database = database

    async def readable(self, credentials: Credentials[Any]) -> Predicate:
        """Returns which entities somebody may read: all, none, or those that match."""
        return await self._condition(catalog_entity_read_permission, credentials)

    async def may(self, permission: BasicPermission, credentials: Credentials[Any]) -> bool:
        """Tells whether somebody has a permission."""
        [decision] = await self._permissions.authorize([PermissionRequest(permission)], credentials=credentials)
        return decision.allowed

    async def check(self, permission: BasicPermission, credentials: Credentials[Any]) -> None:
        """Refuses those who lack a permission.

        Raises:
            NotAllowedError: they do.
        """
        if not await self.may(permission, credentials):
            raise NotAllowedError

    async def check_refresh(self, ref: str, credentials: Credentials[Any]) -> None:
        """Refuses those who may not have an entity looked at again.

        Raises:
            NotAllowedError: they may not; under conditions, the same is said of entities that do not exist.
        """
        allowed = await self._condition(catalog_entity_refresh_permission, credentials)
        if allowed == EVERYTHING:
            return
        if allowed == NOTHING or not await self.matching([ref.lower()], allowed):
            raise NotAllowedError

    async def check_delete(self, uid: str, credentials: Credentials[Any]) -> None:
        """Refuses those who may not delete an entity.

        Raises:
            NotAllowedError: they may not; under conditions, the same is said of entities that do not exist.
        """
        allowed = await self._condition(catalog_entity_delete_permission, credentials)
        if allowed == EVERYTHING:
            return
        if allowed == NOTHING or await reads.find_by_id(self._database, uid.lower(), allowed) is None:
            raise NotAllowedError

    async def matching(self, refs: Sequence[str], allowed: Predicate) -> set[str]:
        """Returns those of the entities that exist and match."""
        return set(await reads.find_by_refs(self._database, refs, allowed))

    async def _condition(self, permission: ResourcePermission, credentials: Credentials[Any]) -> Predicate:
        requests = [PermissionRequest(permission)]
        [decision] = await self._permissions.authorize_conditional(requests, credentials=credentials)
        if isinstance(decision, DefinitiveDecision):
            return EVERYTHING if decision.allowed else NOTHING
        return self._predicate(decision, permission)

    def _predicate(self, decision: ConditionalDecision, permission: ResourcePermission) -> Predicate:
        if decision.resource_type != RESOURCE_TYPE_CATALOG_ENTITY:
            raise UnderstageError(
                f"The policy's conditions for '{permission.name}' are about '{decision.resource_type}', "
                f"expected '{RESOURCE_TYPE_CATALOG_ENTITY}'"
            )
        try:
            return criteria_predicate(decision.conditions, self._rule_predicate)
        except InputError as error:
            # Whoever made the request is not to blame for what the policy says.
            raise UnderstageError(
                f"The policy's conditions for '{permission.name}' are not understood", error
            ) from error

    def _rule_predicate(self, condition: Condition) -> Predicate:
        return search_predicate(self._rules.get_rule_by_name(condition.rule).query(condition.params))
