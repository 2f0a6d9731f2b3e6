"""The catalog's operations, each declared once: requests are checked by it, and the API is described from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from understage.catalog.http import schemas
from understage.catalog.http.bodies import Body
from understage.catalog.http.parameters import Parameter, Query
from understage.catalog.http.schemas import Schema, list_of, reference

Method = Literal["GET", "POST", "PUT", "DELETE"]
_NO_PARAMETERS = Query()
_PATH_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers when all is well.

    Attributes:
        status: its status.
        schema: what its body follows; None is no body.
        has_link: whether a `link` header may lead to the next page.
        refusal: the name of the shared schema that a refusal may follow, besides the error document.
    """

    status: int = 200
    schema: Schema | None = None
    has_link: bool = False
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: a method on a path.

    Attributes:
        method: the HTTP method; `GET` answers `HEAD` as well.
        path: below the plugin's root, in lower case; parameters are written as `{name}`.
        id: its name in the description of the API.
        summary: what it does.
        answer: what it answers.
        query: the query parameters that it knows.
        body: the body that it takes, if any.
        tag: what it is about.
        is_documented: whether the description of the API has it.
    """

    method: Method
    path: str
    id: str
    summary: str
    answer: Answer
    query: Query = _NO_PARAMETERS
    body: Body | None = None
    tag: Literal["Entity", "Locations"] = "Entity"
    is_documented: bool = True

    @property
    def path_parameters(self) -> list[str]:
        """The names of the parameters in its path, in order."""
        return _PATH_PARAMETER.findall(self.path)


FILTER = Parameter(
    "filter",
    "Conditions `key` or `key=value` with commas between them, all of which must hold; "
    "repeated, one of the filters must match.",
    schemas.TEXTS,
)
FIELDS = Parameter("fields", "Dotted paths of the members wanted; all by default.", schemas.TEXTS, has_commas=True)
ORDER = Parameter("order", "A direction and a key, such as `asc:metadata.name`.", schemas.TEXTS)
LIMIT = Parameter("limit", "How many at most.", schemas.NUMBER)
OFFSET = Parameter("offset", "How many to leave out.", schemas.NUMBER)
AFTER = Parameter("after", "Where to go on, as the `link` header of the page before says.")
ORDER_FIELD = Parameter("orderField", "A key and perhaps a direction, such as `metadata.name,desc`.", schemas.TEXTS)
CURSOR = Parameter("cursor", "Where to go on, as `pageInfo` says; of the others, only fields and limit count then.")
TERM = Parameter("fullTextFilterTerm", "A text that one of the fields must contain.")
TERM_FIELDS = Parameter(
    "fullTextFilterFields", "Where to look for the text; in the sort field by default.", schemas.TEXTS, has_commas=True
)
TOTAL_ITEMS = Parameter("totalItems", "Whether to count what there is on all pages.", schemas.TOTAL_ITEMS)
FACET = Parameter("facet", "A dotted path whose values are counted.", schemas.TEXTS, is_required=True)
DRY_RUN = Parameter("dryRun", "Whether to show what would come without storing it: true or false.")
ON_CONFLICT = Parameter(
    "onConflict", "What happens to a location that is registered already.", schemas.choice("refresh", "reject")
)

GET_ENTITIES = Operation(
    "GET",
    "/entities",
    "GetEntities",
    "Lists entities; all of them unless limit, offset or after turn paging on.",
    Answer(schema=list_of(reference("PartOfEntity")), has_link=True),
    Query(FILTER, FIELDS, ORDER, LIMIT, OFFSET, AFTER),
)
GET_BY_QUERY = Operation(
    "GET",
    "/entities/by-query",
    "GetEntitiesByQuery",
    "Lists a page of the entities that match filters.",
    Answer(schema=reference("EntitiesPage")),
    Query(FILTER, FIELDS, LIMIT, OFFSET, ORDER_FIELD, CURSOR, TERM, TERM_FIELDS, TOTAL_ITEMS),
)
POST_BY_QUERY = Operation(
    "POST",
    "/entities/by-query",
    "QueryEntitiesByPredicate",
    "Lists a page of the entities that match a predicate.",
    Answer(schema=reference("EntitiesPage")),
    body=Body(schemas.BY_QUERY, is_required=False, is_json_only=False),
)
POST_BY_REFS = Operation(
    "POST",
    "/entities/by-refs",
    "GetEntitiesByRefs",
    "Returns entities by their refs, in the same order.",
    Answer(schema=reference("EntitiesByRefs")),
    Query(FILTER),
    Body(schemas.BY_REFS, is_json_only=False),
)
GET_BY_NAME = Operation(
    "GET",
    "/entities/by-name/{kind}/{namespace}/{name}",
    "GetEntityByName",
    "Returns an entity by its name.",
    Answer(schema=reference("Entity")),
)
GET_ANCESTRY = Operation(
    "GET",
    "/entities/by-name/{kind}/{namespace}/{name}/ancestry",
    "GetEntityAncestryByName",
    "Returns an entity and all that it came from.",
    Answer(schema=reference("EntityAncestry")),
)
GET_BY_UID = Operation(
    "GET",
    "/entities/by-uid/{uid}",
    "GetEntityByUid",
    "Returns an entity by its id.",
    Answer(schema=reference("Entity")),
)
DELETE_BY_UID = Operation(
    "DELETE",
    "/entities/by-uid/{uid}",
    "DeleteEntityByUid",
    "Removes an entity; its source may bring it back.",
    Answer(204),
)
GET_FACETS = Operation(
    "GET",
    "/entity-facets",
    "GetEntityFacets",
    "Counts the values of facets among entities that match filters.",
    Answer(schema=reference("EntityFacets")),
    Query(FACET, FILTER),
)
POST_FACETS = Operation(
    "POST",
    "/entity-facets",
    "QueryEntityFacetsByPredicate",
    "Counts the values of facets among entities that match a predicate.",
    Answer(schema=reference("EntityFacets")),
    body=Body(schemas.FACETS, is_json_only=False),
)
REFRESH = Operation(
    "POST",
    "/refresh",
    "RefreshEntity",
    "Processes an entity, and the locations that it came from, as soon as possible.",
    Answer(),
    body=Body(schemas.REFRESH),
)
VALIDATE_ENTITY = Operation(
    "POST",
    "/validate-entity",
    "ValidateEntity",
    "Processes an entity without storing it, and tells what is wrong with it.",
    Answer(refusal="InvalidEntity"),
    body=Body(schemas.VALIDATE_ENTITY),
)
GET_LOCATIONS = Operation(
    "GET",
    "/locations",
    "GetLocations",
    "Lists all registered locations.",
    Answer(schema=list_of(schemas.object_of("data", data=reference("Location")))),
    tag="Locations",
)
CREATE_LOCATION = Operation(
    "POST",
    "/locations",
    "CreateLocation",
    "Registers a location, or shows what it would bring.",
    Answer(201, reference("CreatedLocation")),
    Query(DRY_RUN, ON_CONFLICT),
    Body(schemas.NEW_LOCATION),
    tag="Locations",
)
LOCATIONS_BY_QUERY = Operation(
    "POST",
    "/locations/by-query",
    "GetLocationsByQuery",
    "Lists a page of the locations that match a predicate.",
    Answer(schema=reference("LocationsPage")),
    body=Body(schemas.LOCATIONS_BY_QUERY, is_required=False, is_json_only=False),
    tag="Locations",
)
GET_LOCATION = Operation(
    "GET",
    "/locations/{id}",
    "GetLocation",
    "Returns a location by its id.",
    Answer(schema=reference("Location")),
    tag="Locations",
)
UPDATE_LOCATION = Operation(
    "PUT",
    "/locations/{id}",
    "UpdateLocation",
    "Changes the type and target of a location.",
    Answer(schema=reference("Location")),
    body=Body(schemas.CHANGED_LOCATION),
    tag="Locations",
)
DELETE_LOCATION = Operation(
    "DELETE",
    "/locations/{id}",
    "DeleteLocation",
    "Removes a location, with all that it alone brought.",
    Answer(204),
    tag="Locations",
)
LOCATION_BY_ENTITY = Operation(
    "GET",
    "/locations/by-entity/{kind}/{namespace}/{name}",
    "getLocationByEntity",
    "Returns the location that led to an entity.",
    Answer(schema=reference("Location")),
    tag="Locations",
)
ANALYZE_LOCATION = Operation(
    "POST",
    "/analyze-location",
    "AnalyzeLocation",
    "Tells what entities there are at an address, or suggests one.",
    Answer(schema=reference("LocationAnalysis")),
    body=Body(schemas.ANALYZE_LOCATION),
    tag="Locations",
)
GET_DOCUMENT = Operation(
    "GET",
    "/openapi.json",
    "GetOpenApiDocument",
    "Describes the API.",
    Answer(schema=schemas.OBJECT),
    is_documented=False,
)
