"""Decides what can be decided here, and asks the permission plugin about the rest."""

from __future__ import annotations

from collections.abc import Sequence

from understage.defaults.permissions.batches import RequestBatches
from understage.errors import InputError, ResponseError, UnderstageError
from understage.plugin_api import (
    ALLOW,
    DENY,
    AccessRestrictions,
    AuthService,
    Credentials,
    DefinitiveDecision,
    DiscoveryService,
    Permission,
    PermissionRequest,
    PolicyDecision,
    Principal,
    ResourcePermission,
    RootHttpClientService,
    is_service,
)
from understage.plugin_api.permission_wire import (
    AUTHORIZE_PATH,
    authorize_items,
    decode_authorize_response,
    encode_authorize_request,
)

PERMISSION_PLUGIN = "permission"


class DefaultPermissions:
    """Allows services what their tokens are not restricted from; users are judged by the permission plugin's policy."""

    def __init__(
        self,
        *,
        enabled: bool,
        auth: AuthService,
        discovery: DiscoveryService,
        http_client: RootHttpClientService,
    ) -> None:
        """Puts the parts together.

        Args:
            enabled: whether policies decide; otherwise users may do everything.
            auth: mints tokens for the permission plugin.
            discovery: finds it.
            http_client: asks it.
        """
        self._enabled = enabled
        self._auth = auth
        self._discovery = discovery
        self._http_client = http_client
        self._batches = RequestBatches(self._ask)

    async def authorize(
        self, requests: Sequence[PermissionRequest], *, credentials: Credentials[Principal]
    ) -> Sequence[DefinitiveDecision]:
        """Answers questions with yes or no, in their order.

        Args:
            requests: the questions; those about resources name one.
            credentials: whose permission is asked for.

        Raises:
            InputError: a question about resources names none.
            AuthenticationError: the credentials are nobody's.
            ServiceUnavailableError: the permission plugin cannot be reached.
            ResponseError: the permission plugin refuses to answer.
        """
        for request in requests:
            if isinstance(request.permission, ResourcePermission) and request.resource_ref is None:
                raise InputError(
                    f"permission '{request.permission.name}' is about a '{request.permission.resource_type}': "
                    "say which one with resource_ref, or ask authorize_conditional for the conditions"
                )
        decisions = await self._decide(requests, credentials)
        return [_definitive(decision, request) for decision, request in zip(decisions, requests, strict=True)]

    async def authorize_conditional(
        self, requests: Sequence[PermissionRequest], *, credentials: Credentials[Principal]
    ) -> Sequence[PolicyDecision]:
        """Answers questions with yes, no, or the conditions that a resource must fulfil, in their order.

        Args:
            requests: the questions; those about resources may leave open which one.
            credentials: whose permission is asked for.

        Raises:
            AuthenticationError: the credentials are nobody's.
            ServiceUnavailableError: the permission plugin cannot be reached.
            ResponseError: the permission plugin refuses to answer.
        """
        return await self._decide(requests, credentials)

    async def _decide(
        self, requests: Sequence[PermissionRequest], credentials: Credentials[Principal]
    ) -> Sequence[PolicyDecision]:
        if is_service(credentials):
            # An operator restricts a token whether or not there are policies for users.
            restrictions = credentials.principal.access_restrictions
            return [ALLOW if _lets_pass(restrictions, request.permission) else DENY for request in requests]
        if not self._enabled:
            return [ALLOW] * len(requests)
        return await self._batches.decide(requests, credentials) if requests else []

    async def _ask(
        self, requests: Sequence[PermissionRequest], credentials: Credentials[Principal]
    ) -> Sequence[PolicyDecision]:
        token = await self._auth.get_plugin_request_token(on_behalf_of=credentials, target_plugin_id=PERMISSION_PLUGIN)
        url = f"{await self._discovery.get_base_url(PERMISSION_PLUGIN)}{AUTHORIZE_PATH}"
        headers = {"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
        items = authorize_items(requests)
        response = await self._http_client.request("POST", url, headers=headers, body=encode_authorize_request(items))
        if response.status != 200:
            raise ResponseError.from_body("POST", url, response.status, response.reason, response.body)
        return decode_authorize_response(response.body, items)


def _lets_pass(restrictions: AccessRestrictions | None, permission: Permission) -> bool:
    if restrictions is None:
        return True
    names, actions = restrictions.permission_names, restrictions.permission_actions
    return (names is None or permission.name in names) and (actions is None or permission.attributes.action in actions)


def _definitive(decision: PolicyDecision, request: PermissionRequest) -> DefinitiveDecision:
    if not isinstance(decision, DefinitiveDecision):
        raise UnderstageError(
            f"The permission plugin was asked for yes or no on '{request.permission.name}', and gave conditions"
        )
    return decision
