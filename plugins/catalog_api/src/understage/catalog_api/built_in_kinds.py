"""What the `spec` of the built-in kinds is made of, as JSON Schemas; further members are fine."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

API_VERSIONS = ("backstage.io/v1alpha1", "backstage.io/v1beta1")

TEXT: Schema = {"type": "string", "minLength": 1}
TEXTS: Schema = {"type": "array", "items": TEXT}
_PROFILE: Schema = {
    "type": "object",
    "properties": {"displayName": TEXT, "email": TEXT, "picture": TEXT},
}


def spec_schema(required: list[str], **properties: Schema) -> Schema:
    """Returns the schema of an entity whose `spec` is an object.

    Args:
        required: members of `spec` that must be there.
        **properties: their schemas; further members are fine.
    """
    spec = {"type": "object", "required": required, "properties": properties}
    return {"type": "object", "required": ["spec"], "properties": {"spec": spec}}


BUILT_IN_KINDS: dict[str, Schema] = {
    "Component": spec_schema(
        ["type", "lifecycle", "owner"],
        type=TEXT,
        lifecycle=TEXT,
        owner=TEXT,
        system=TEXT,
        subcomponentOf=TEXT,
        providesApis=TEXTS,
        consumesApis=TEXTS,
        dependsOn=TEXTS,
    ),
    "API": spec_schema(
        ["type", "lifecycle", "owner", "definition"],
        type=TEXT,
        lifecycle=TEXT,
        owner=TEXT,
        definition=TEXT,
        system=TEXT,
    ),
    "Resource": spec_schema(["type", "owner"], type=TEXT, owner=TEXT, system=TEXT, dependsOn=TEXTS),
    "System": spec_schema(["owner"], owner=TEXT, domain=TEXT, type=TEXT),
    "Domain": spec_schema(["owner"], owner=TEXT, subdomainOf=TEXT, type=TEXT),
    "Group": spec_schema(["type", "children"], type=TEXT, children=TEXTS, parent=TEXT, members=TEXTS, profile=_PROFILE),
    "User": spec_schema(["memberOf"], memberOf=TEXTS, profile=_PROFILE),
    "Location": spec_schema(
        [], type=TEXT, target=TEXT, targets=TEXTS, presence={"enum": ["required", "optional"], "type": "string"}
    ),
}
