"""The typed views of the built-in kinds, by `spec`."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from understage.catalog_api.entity import Entity, EntityJson


class Profile(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What to show of a group or user.

    Attributes:
        display_name: a name for people.
        email: an address.
        picture: the address of a picture.
    """

    display_name: str | None = None
    email: str | None = None
    picture: str | None = None


class ComponentSpec(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a Component has.

    Attributes:
        type: such as `service`, `website` or `library`.
        lifecycle: such as `experimental` or `production`.
        owner: the ref of a group or user.
        system: the system that it is part of.
        subcomponent_of: the component that it is part of.
        provides_apis: APIs that others may use.
        consumes_apis: APIs that it uses.
        depends_on: components and resources that it needs.
        dependency_of: components and resources that need it.
    """

    type: str
    lifecycle: str
    owner: str
    system: str | None = None
    subcomponent_of: str | None = None
    provides_apis: list[str] = []
    consumes_apis: list[str] = []
    depends_on: list[str] = []
    dependency_of: list[str] = []


class ApiRemote(msgspec.Struct, frozen=True):
    """Where an API of the type `mcp-server` is served.

    Attributes:
        type: how it is spoken to.
        url: its address.
    """

    type: str
    url: str


class ApiSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an API has.

    Attributes:
        type: such as `openapi`, `grpc` or `graphql`.
        lifecycle: such as `experimental` or `production`.
        owner: the ref of a group or user.
        system: the system that it is part of.
        definition: the definition in the language of its type.
        remotes: instead of a definition, where it is served.
    """

    type: str
    lifecycle: str
    owner: str
    system: str | None = None
    definition: str | None = None
    remotes: list[ApiRemote] = []


class ResourceSpec(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a Resource has.

    Attributes:
        type: such as `database` or `s3-bucket`.
        owner: the ref of a group or user.
        system: the system that it is part of.
        depends_on: components and resources that it needs.
        dependency_of: components and resources that need it.
    """

    type: str
    owner: str
    system: str | None = None
    depends_on: list[str] = []
    dependency_of: list[str] = []


class SystemSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a System has.

    Attributes:
        owner: the ref of a group or user.
        domain: the domain that it is part of.
        type: the installation's own word.
    """

    owner: str
    domain: str | None = None
    type: str | None = None


class DomainSpec(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a Domain has.

    Attributes:
        owner: the ref of a group or user.
        subdomain_of: the domain that it is part of.
        type: the installation's own word.
    """

    owner: str
    subdomain_of: str | None = None
    type: str | None = None


class GroupSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a Group has.

    Attributes:
        type: such as `team` or `department`.
        children: the groups below it.
        parent: the group above it.
        members: users, besides those that name the group themselves.
        profile: what to show of it.
    """

    type: str
    children: list[str]
    parent: str | None = None
    members: list[str] = []
    profile: Profile = Profile()


class UserSpec(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a User has.

    Attributes:
        member_of: the groups that the user is in.
        profile: what to show of the user.
    """

    member_of: list[str] = []
    profile: Profile = Profile()


class LocationSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a Location has.

    Attributes:
        type: such as `url` or `file`; that of the place where the Location is described by default.
        target: where entities are.
        targets: further places.
        presence: whether it is a fault if a target is missing.
    """

    type: str | None = None
    target: str | None = None
    targets: list[str] = []
    presence: Literal["required", "optional"] = "required"


class TemplateSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a Template of the scaffolder has.

    Attributes:
        type: what it makes, such as `service`.
        steps: what is done, in order.
        parameters: what is asked for: a JSON schema, or one for each page.
        output: what the result shows.
        owner: the ref of a group or user.
        lifecycle: such as `experimental` or `production`.
        presentation: the words of its buttons.
        secrets: the secrets that it needs.
    """

    type: str
    steps: list[dict[str, Any]]
    parameters: dict[str, Any] | list[dict[str, Any]] = []
    output: dict[str, Any] = {}
    owner: str | None = None
    lifecycle: str | None = None
    presentation: dict[str, Any] = {}
    secrets: dict[str, Any] = {}


class ComponentEntity(Entity, frozen=True, kw_only=True):
    """A piece of software."""

    spec: ComponentSpec


class ApiEntity(Entity, frozen=True, kw_only=True):
    """An interface between components."""

    spec: ApiSpec


class ResourceEntity(Entity, frozen=True, kw_only=True):
    """What a component needs to run, such as a database."""

    spec: ResourceSpec


class SystemEntity(Entity, frozen=True, kw_only=True):
    """Components and resources that belong together."""

    spec: SystemSpec


class DomainEntity(Entity, frozen=True, kw_only=True):
    """Systems that belong together."""

    spec: DomainSpec


class GroupEntity(Entity, frozen=True, kw_only=True):
    """People that belong together."""

    spec: GroupSpec


class UserEntity(Entity, frozen=True, kw_only=True):
    """A person."""

    spec: UserSpec


class LocationEntity(Entity, frozen=True, kw_only=True):
    """A place that leads to other entities."""

    spec: LocationSpec


class TemplateEntity(Entity, frozen=True, kw_only=True):
    """What the scaffolder makes new software from."""

    spec: TemplateSpec


class OtherEntity(Entity, frozen=True, kw_only=True):
    """An entity of a kind that is not built in."""

    spec: dict[str, Any] | None = None


_BUILT_IN: dict[str, type[Entity]] = {
    "Component": ComponentEntity,
    "API": ApiEntity,
    "Resource": ResourceEntity,
    "System": SystemEntity,
    "Domain": DomainEntity,
    "Group": GroupEntity,
    "User": UserEntity,
    "Location": LocationEntity,
}
_KINDS: dict[str, dict[str, type[Entity]]] = {
    "backstage.io/v1alpha1": _BUILT_IN,
    "backstage.io/v1beta1": _BUILT_IN,
    "scaffolder.backstage.io/v1beta3": {"Template": TemplateEntity},
}


def to_entity(entity: EntityJson) -> Entity:
    """Returns the typed view of an entity: that of its kind, or `OtherEntity` if the kind is not built in.

    Use `isinstance` to tell the kinds apart, or `match`.

    Args:
        entity: its JSON form.

    Raises:
        msgspec.ValidationError: it lacks what an entity of its kind has, or has it in another type.
    """
    view = _KINDS.get(entity.get("apiVersion", ""), {}).get(entity.get("kind", ""), OtherEntity)
    return msgspec.convert(entity, view)
