"""References: the names under which services and extension points are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal

from typing_extensions import TypeForm, TypeVar

from understage.plugin_api.location import CodeLocation, caller_location

if TYPE_CHECKING:
    from understage.plugin_api.factories import ServiceFactory

T = TypeVar("T")
Scope = Literal["plugin", "root"]


class ServiceRef(Generic[T]):
    """Names a service: its id, its type, its scope, and maybe what provides it by default.

    Create one with `create_service_ref`.

    Attributes:
        id: `<pluginId>.<name>`; `core.` is reserved for the core services.
        service_type: the protocol or class that consumers see.
        scope: `plugin` gives each plugin an instance of its own, `root` one for the backend.
        multiton: whether several factories may provide it; consumers then receive a sequence.
        default_factory: what provides it when nobody does: a factory, or `"module:attribute"` of one.
        location: where it was created.
    """

    __slots__ = ("default_factory", "id", "location", "multiton", "scope", "service_type")

    id: str
    service_type: Any
    scope: Scope
    multiton: bool
    default_factory: str | ServiceFactory[Any] | None
    location: CodeLocation

    def __init__(
        self,
        service_type: Any,
        *,
        id: str,
        scope: Scope,
        multiton: bool,
        default_factory: str | ServiceFactory[Any] | None,
        location: CodeLocation,
    ) -> None:
        self.service_type = service_type
        self.id = id
        self.scope = scope
        self.multiton = multiton
        self.default_factory = default_factory
        self.location = location

    def __str__(self) -> str:
        return f"serviceRef{{{self.id}}}"

    def __repr__(self) -> str:
        return f"<{self}>"


class ExtensionPoint(Generic[T]):
    """Names an extension point: what a plugin offers to its modules.

    Create one with `create_extension_point`.

    Attributes:
        id: `<pluginId>.<name>`.
        extension_type: the protocol that modules see.
        location: where it was created.
    """

    __slots__ = ("extension_type", "id", "location")

    id: str
    extension_type: Any
    location: CodeLocation

    def __init__(self, extension_type: Any, *, id: str, location: CodeLocation) -> None:
        self.extension_type = extension_type
        self.id = id
        self.location = location

    def __str__(self) -> str:
        return f"extensionPoint{{{self.id}}}"

    def __repr__(self) -> str:
        return f"<{self}>"


def create_service_ref(
    service_type: TypeForm[T],
    *,
    id: str,
    scope: Scope = "plugin",
    multiton: bool = False,
    default_factory: str | ServiceFactory[Any] | None = None,
) -> ServiceRef[T]:
    """Creates the reference by which a service is provided and asked for.

    Args:
        service_type: the protocol or class that consumers see.
        id: `<pluginId>.<name>`.
        scope: `plugin` for an instance per plugin, `root` for one per backend.
        multiton: whether several factories may provide it; a consumer's alias is then `Annotated[Sequence[X], ref]`.
        default_factory: a factory, or `"module:attribute"` of one, imported only when it is needed.
    """
    return ServiceRef(
        service_type,
        id=id,
        scope=scope,
        multiton=multiton,
        default_factory=default_factory,
        location=caller_location(),
    )


def create_extension_point(extension_type: TypeForm[T], *, id: str) -> ExtensionPoint[T]:
    """Creates the reference by which an extension point is registered and asked for.

    Args:
        extension_type: the protocol that modules see.
        id: `<pluginId>.<name>`.
    """
    return ExtensionPoint(extension_type, id=id, location=caller_location())


Reference = ServiceRef[Any] | ExtensionPoint[Any]
