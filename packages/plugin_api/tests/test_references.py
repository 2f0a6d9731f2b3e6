from collections.abc import Sequence
from typing import Annotated, Protocol, get_args

import pytest

from understage.plugin_api import aliases, core_services, create_extension_point, create_service_ref
from understage.plugin_api.references import ServiceRef


class Greeter(Protocol):
    def greet(self) -> str: ...


CORE_IDS = {
    "actions": "alpha.core.actions",
    "actions_registry": "alpha.core.actionsRegistry",
    "auditor": "core.auditor",
    "auth": "core.auth",
    "database": "core.database",
    "discovery": "core.discovery",
    "http_auth": "core.httpAuth",
    "http_router": "core.httpRouter",
    "lifecycle": "core.lifecycle",
    "logger": "core.logger",
    "permissions": "core.permissions",
    "permissions_registry": "core.permissionsRegistry",
    "plugin_metadata": "core.pluginMetadata",
    "root_config": "core.rootConfig",
    "root_health": "core.rootHealth",
    "root_http_router": "core.rootHttpRouter",
    "root_instance_metadata": "core.rootInstanceMetadata",
    "root_lifecycle": "core.rootLifecycle",
    "root_logger": "core.rootLogger",
    "root_system_metadata": "core.rootSystemMetadata",
    "user_info": "core.userInfo",
}


def test_a_service_reference_has_defaults() -> None:
    """W20: a reference is plugin-scoped, no multiton and without default factory unless it says otherwise."""
    ref = create_service_ref(Greeter, id="acme.greeter")
    assert (ref.id, ref.service_type, ref.scope) == ("acme.greeter", Greeter, "plugin")
    assert (ref.multiton, ref.default_factory) == (False, None)
    root = create_service_ref(Greeter, id="acme.all", scope="root", multiton=True, default_factory="acme.all:factory")
    assert (root.scope, root.multiton, root.default_factory) == ("root", True, "acme.all:factory")


def test_references_have_a_text_form() -> None:
    """W20: a service reference is written as `serviceRef{id}`, an extension point as `extensionPoint{id}`."""
    assert str(create_service_ref(Greeter, id="acme.greeter")) == "serviceRef{acme.greeter}"
    point = create_extension_point(Greeter, id="acme.greetings")
    assert str(point) == "extensionPoint{acme.greetings}"
    assert repr(point) == "<extensionPoint{acme.greetings}>"


def test_references_know_where_they_were_created() -> None:
    """A reference knows the line that created it, for error messages."""
    ref, point = create_service_ref(Greeter, id="acme.a"), create_extension_point(Greeter, id="acme.b")
    assert ref.location.file == point.location.file == __file__
    assert ref.location.line == point.location.line > 0


def test_references_with_the_same_id_are_different_things() -> None:
    """W32: references are compared by identity, as two of the same id may have different default factories."""
    assert create_service_ref(Greeter, id="acme.same") != create_service_ref(Greeter, id="acme.same")


@pytest.mark.parametrize(("name", "service_id"), CORE_IDS.items())
def test_core_services_have_their_ids(name: str, service_id: str) -> None:
    """W14: core services have ids below `core.`, and are root-scoped if their name says so."""
    ref: ServiceRef[object] = getattr(core_services, name)
    assert ref.id == service_id
    assert ref.scope == ("root" if name.startswith("root_") else "plugin")


def test_every_core_service_has_an_alias() -> None:
    """Each core service can be asked for by an alias that names the reference's own type."""
    refs = {ref for ref in vars(core_services).values() if isinstance(ref, ServiceRef)}
    aliased = {get_args(value)[1]: get_args(value)[0] for value in vars(aliases).values() if get_args(value)}
    assert set(aliased) == refs
    assert all(annotated is ref.service_type for ref, annotated in aliased.items())


def test_an_alias_of_a_multiton_is_a_sequence() -> None:
    """W31: consumers of a multiton see a sequence."""
    ref = create_service_ref(Greeter, id="acme.many", multiton=True)
    alias = Annotated[Sequence[Greeter], ref]
    assert get_args(alias) == (Sequence[Greeter], ref)
