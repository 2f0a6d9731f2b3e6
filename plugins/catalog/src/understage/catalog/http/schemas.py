"""What goes over the wire, as JSON schemas; where another one is meant, it is named by a reference to it."""

from __future__ import annotations

from typing import Any

from understage.catalog.http.parameters import LARGEST_NUMBER

Schema = dict[str, Any]


def reference(name: str) -> Schema:
    """Returns a schema that stands for one of `SHARED`."""
    return {"$ref": f"#/components/schemas/{name}"}


def object_of(required: str = "", /, *, closed: bool = False, **properties: Schema) -> Schema:
    """Returns the schema of an object.

    Args:
        required: the members that must be there, with blanks between them.
        closed: whether there may be no others.
        **properties: the schemas of its members.
    """
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required.split()
    if closed:
        schema["additionalProperties"] = False
    return schema


def list_of(items: Schema) -> Schema:
    """Returns the schema of a list."""
    return {"type": "array", "items": items}


def choice(*texts: str) -> Schema:
    """Returns the schema of a text that is one of some."""
    return {"type": "string", "enum": list(texts)}


TEXT: Schema = {"type": "string"}
TEXTS = list_of(TEXT)
OBJECT: Schema = {"type": "object"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER}
TEXT_MAP: Schema = {"type": "object", "additionalProperties": TEXT}
TOTAL_ITEMS = choice("include", "exclude")
DIRECTION = choice("asc", "desc")

_LINK = object_of("url", url=TEXT, title=TEXT, icon=TEXT, type=TEXT)
_METADATA = object_of(
    "name",
    name=TEXT,
    namespace=TEXT,
    uid=TEXT,
    etag=TEXT,
    title=TEXT,
    description=TEXT,
    labels=TEXT_MAP,
    annotations=TEXT_MAP,
    tags=TEXTS,
    links=list_of(_LINK),
)
_RELATION = object_of("type targetRef", type=TEXT, targetRef=TEXT)
_ENTITY = object_of(
    "apiVersion kind metadata",
    apiVersion=TEXT,
    kind=TEXT,
    metadata=_METADATA,
    spec=OBJECT,
    relations=list_of(_RELATION),
    status=OBJECT,
)
_PART_OF_ENTITY = object_of(apiVersion=TEXT, kind=TEXT, metadata=OBJECT, spec=OBJECT, relations=list_of(OBJECT))
_ERROR = object_of(
    "error response",
    error=object_of("name message", name=TEXT, message=TEXT, stack=TEXT, code=TEXT),
    request=object_of("method url", method=TEXT, url=TEXT),
    response=object_of("statusCode", statusCode=COUNT),
)
_PAGE_INFO = object_of(nextCursor=TEXT, prevCursor=TEXT)
_PLACE = object_of("type target", type=TEXT, target=TEXT)
_SUGGESTED_FIELD = object_of(
    "field description state value",
    field=TEXT,
    description=TEXT,
    state=choice("analysisSuggestedValue", "analysisSuggestedNoValue", "needsUserInput"),
    value={"type": "string", "nullable": True},
)

SHARED: dict[str, Schema] = {
    "Entity": {**_ENTITY, "description": "An entity of the catalog."},
    "PartOfEntity": {**_PART_OF_ENTITY, "description": "An entity, or what `fields` selects of it."},
    "NullablePartOfEntity": {**_PART_OF_ENTITY, "nullable": True, "description": "Null if there is no such entity."},
    "EntityAncestry": object_of(
        "rootEntityRef items",
        rootEntityRef=TEXT,
        items=list_of(object_of("entity parentEntityRefs", entity=reference("Entity"), parentEntityRefs=TEXTS)),
    ),
    "EntitiesByRefs": object_of("items", items=list_of(reference("NullablePartOfEntity"))),
    "EntitiesPage": object_of(
        "items totalItems pageInfo",
        items=list_of(reference("PartOfEntity")),
        totalItems=COUNT,
        pageInfo=_PAGE_INFO,
    ),
    "EntityFacets": object_of(
        "facets",
        facets={
            "type": "object",
            "additionalProperties": list_of(object_of("value count", value=TEXT, count=COUNT)),
        },
    ),
    "Location": object_of("id type target entityRef", id=TEXT, type=TEXT, target=TEXT, entityRef=TEXT),
    "LocationsPage": object_of(
        "items totalItems pageInfo",
        items=list_of(reference("Location")),
        totalItems=COUNT,
        pageInfo=object_of(nextCursor=TEXT),
    ),
    "CreatedLocation": object_of(
        "location entities", exists=FLAG, location=reference("Location"), entities=list_of(reference("Entity"))
    ),
    "LocationAnalysis": object_of(
        "existingEntityFiles generateEntities",
        existingEntityFiles=list_of(
            object_of("entity isRegistered location", entity=reference("Entity"), isRegistered=FLAG, location=_PLACE)
        ),
        generateEntities=list_of(
            object_of("entity fields", entity=reference("PartOfEntity"), fields=list_of(_SUGGESTED_FIELD))
        ),
    ),
    "InvalidEntity": object_of("errors", errors=list_of(object_of("name message", name=TEXT, message=TEXT))),
    "Error": {**_ERROR, "description": "What went wrong."},
}

BY_REFS = object_of("entityRefs", entityRefs=TEXTS, fields=TEXTS, query=OBJECT)
BY_QUERY = object_of(
    cursor=TEXT,
    limit=NUMBER,
    offset=NUMBER,
    orderBy=list_of(object_of("field order", field=TEXT, order=DIRECTION)),
    fullTextFilter=object_of(term=TEXT, fields=TEXTS),
    fields=TEXTS,
    totalItems=TOTAL_ITEMS,
    query=OBJECT,
)
FACETS = object_of("facets", facets=TEXTS, query=OBJECT)
REFRESH = object_of("entityRef", closed=True, entityRef=TEXT, authorizationToken=TEXT)
VALIDATE_ENTITY = object_of("entity location", entity=OBJECT, location=TEXT)
NEW_LOCATION = object_of("type target", closed=True, type=TEXT, target=TEXT, presence=choice("required", "optional"))
CHANGED_LOCATION = object_of("type target", closed=True, type=TEXT, target=TEXT)
ANALYZE_LOCATION = object_of("location", location=_PLACE, catalogFileName=TEXT, catalogFilename=TEXT)
LOCATIONS_BY_QUERY = object_of(cursor=TEXT, limit={"type": "integer", "minimum": 1}, query=OBJECT)
