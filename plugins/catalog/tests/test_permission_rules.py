"""Rules about entities: what they mean, and that queries and entities in hand are judged alike."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from understage.catalog.access import Access
from understage.catalog.database import index, reads, stitching
from understage.catalog.database.refresh_state import NewEntity, delete_entities, insert_entities
from understage.catalog.database.stitching import FinalEntity
from understage.catalog.processing.search_rows import search_rows
from understage.catalog.query.predicates import EVERYTHING, NOTHING
from understage.catalog.query.searches import search_predicate
from understage.catalog.resources import indexed
from understage.catalog_api import EntityJson, catalog_conditions
from understage.catalog_api.permission_rules import (
    EntitiesSearchFilter,
    catalog_entity_permission_resource_ref,
    catalog_permission_rules,
    create_catalog_permission_rule,
)
from understage.errors import UnderstageError
from understage.permission_api import (
    ALLOW,
    DENY,
    AllOf,
    AnyOf,
    Condition,
    ConditionalDecision,
    Not,
    PermissionCriteria,
    PolicyDecision,
    all_of,
    any_of,
    apply_conditions,
    condition,
    not_,
)
from understage.plugin_api import DatabaseService
from understage.testing import mock_credentials, mock_services

ALICE = mock_credentials.user("user:default/alice")

# Texts that are the same without case, that LIKE or JSON would take for something else, and that are not searchable.
TEXTS = ["a", "A", "b", "", "%", "_", "é", "É", "İ", "ß", "k", "\u212a", "true", "1", "x" * 250, "with space", 'qu"ote']
NAMES = ["team", "Team", "example.com/Team", "example.com/team", "a.b", "type", "Tags", "a"]
REFS = ["group:default/team", "Group:default/Team", "user:default/alice"]


def entities() -> st.SearchStrategy[EntityJson]:
    """Returns entities whose members differ in case, nest, repeat and lack."""
    texts = st.sampled_from(TEXTS)
    values = st.recursive(
        st.one_of(texts, st.none(), st.booleans(), st.integers(0, 2)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(NAMES), inner, max_size=2)
        ),
        max_leaves=4,
    )
    maps = st.dictionaries(st.sampled_from(NAMES), texts, max_size=3)
    metadata = st.fixed_dictionaries(
        {"name": st.sampled_from(["a", "A1"])},
        optional={"annotations": maps, "labels": maps, "tags": st.lists(texts, max_size=2), "title": texts},
    )
    relation = st.fixed_dictionaries(
        {"type": st.sampled_from(["ownedBy", "ownerOf"]), "targetRef": st.sampled_from(REFS)}
    )
    return st.fixed_dictionaries(
        {
            "apiVersion": st.just("v1"),
            "kind": st.sampled_from(["Component", "component", "API"]),
            "metadata": metadata,
            "spec": st.dictionaries(st.sampled_from(NAMES), values, max_size=3),
            "relations": st.lists(relation, max_size=2),
        }
    )


def conditions() -> st.SearchStrategy[PermissionCriteria[Condition]]:
    """Returns conditions by every rule, combined and nested."""
    names = st.sampled_from(NAMES)
    values = st.one_of(st.none(), st.sampled_from([*TEXTS, "nul\0"]))
    single = st.one_of(
        st.builds(catalog_conditions.has_annotation, names, values),
        st.builds(catalog_conditions.has_label, names, values),
        st.builds(
            catalog_conditions.has_metadata, st.sampled_from(["tags", "Tags.a", "title", "name", "nul\0"]), values
        ),
        st.builds(catalog_conditions.has_spec, st.one_of(names, st.builds("{}.{}".format, names, names)), values),
        st.builds(catalog_conditions.is_entity_kind, st.lists(st.sampled_from(["COMPONENT", "api", "x"]), max_size=2)),
        st.builds(catalog_conditions.is_entity_owner, st.lists(st.sampled_from(REFS), max_size=2)),
    )
    return st.recursive(
        single,
        lambda inner: st.one_of(
            st.builds(lambda parts: all_of(*parts), st.lists(inner, min_size=1, max_size=3)),
            st.builds(lambda parts: any_of(*parts), st.lists(inner, min_size=1, max_size=3)),
            st.builds(not_, inner),
        ),
        max_leaves=5,
    )


class Policy:
    """A permissions service that says always the same."""

    def __init__(self, decision: PolicyDecision) -> None:
        self._decision = decision

    async def authorize_conditional(self, requests: Any, *, credentials: Any) -> list[PolicyDecision]:
        return [self._decision] * len(requests)

    async def authorize(self, requests: Any, *, credentials: Any) -> Any:
        raise AssertionError("conditions are wanted")


def access(decision: PolicyDecision, database: Any = None) -> Access:
    registry = mock_services.permissions_registry(plugin_id="catalog")
    registry.add_permission_rules(catalog_permission_rules)
    return Access(Policy(decision), registry, database)


async def store(database: DatabaseService, found: list[EntityJson]) -> dict[str, EntityJson]:
    """Stores entities in place of those that are there; returns them by their names."""
    now = datetime.now(UTC)
    stored: dict[str, EntityJson] = {}
    async with database.transaction() as connection:
        known = await connection.fetch("SELECT entity_ref FROM refresh_state")
        await delete_entities(connection, [row[0] for row in known])
        for number, one in enumerate(found):
            uid, ref = f"00000000-0000-4000-8000-{number:012}", f"x:default/{number}"
            entity = stored[ref] = {**one, "metadata": {**one["metadata"], "uid": uid}}
            text = msgspec.json.encode(entity).decode()
            await insert_entities(connection, [NewEntity(uid, ref, text, "", None)], now)
            final = FinalEntity(uid, ref, entity["kind"].lower(), text, "")
            await stitching.store_final_entities(connection, [final], now)
            await index.change_rows(connection, search_rows(uid, entity))
    return stored


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=st.lists(entities(), min_size=1, max_size=4), asked=st.lists(conditions(), min_size=3, max_size=8))
async def test_queries_and_entities_in_hand_agree(
    migrated: DatabaseService, found: list[EntityJson], asked: list[PermissionCriteria[Condition]]
) -> None:
    """K269 K270 K271: whatever the conditions, the database finds exactly the entities that fulfil them in memory."""
    stored = await store(migrated, found)
    in_hand = {ref: indexed(entity) for ref, entity in stored.items()}
    for criteria in asked:
        predicate = await access(catalog_conditions.catalog_conditional_decision(criteria)).readable(ALICE)
        by_query = set(await reads.find_by_refs(migrated, list(stored), predicate))
        by_hand = {ref for ref, one in in_hand.items() if apply_conditions(criteria, one, catalog_permission_rules)}
        assert by_query == by_hand, criteria


@pytest.fixture
async def migrated(database: DatabaseService) -> DatabaseService:
    await database.migrate("understage.catalog")
    return database


ENTITY: EntityJson = {
    "apiVersion": "v1",
    "kind": "Component",
    "metadata": {
        "uid": "u",
        "name": "web",
        "title": "Web Shop",
        "annotations": {"Example.com/Tier": "Gold"},
        "labels": {"Stage": "Prod"},
        "tags": ["java"],
    },
    "spec": {"type": "Service", "nested": {"Deep": 1}},
    "relations": [
        {"type": "ownedBy", "targetRef": "group:default/team"},
        {"type": "dependsOn", "targetRef": "group:default/other"},
    ],
}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (catalog_conditions.has_annotation("example.com/tier"), True),
        (catalog_conditions.has_annotation("example.com/TIER", "gold"), True),
        (catalog_conditions.has_annotation("example.com/tier", "silver"), False),
        (catalog_conditions.has_annotation("other"), False),
        (catalog_conditions.has_label("stage", "PROD"), True),
        (catalog_conditions.has_label("stage", ""), False),
        (catalog_conditions.has_metadata("Title", "web shop"), True),
        (catalog_conditions.has_metadata("tags", "java"), True),
        (catalog_conditions.has_metadata("tags.java"), True),
        (catalog_conditions.has_metadata("description"), False),
        (catalog_conditions.has_spec("type", "service"), True),
        (catalog_conditions.has_spec("nested.deep", "1"), True),
        (catalog_conditions.has_spec("lifecycle"), False),
        (catalog_conditions.is_entity_kind(["API", "COMPONENT"]), True),
        (catalog_conditions.is_entity_kind(["api"]), False),
        (catalog_conditions.is_entity_kind([]), False),
        (catalog_conditions.is_entity_owner(["user:default/alice", "group:default/team"]), True),
        (catalog_conditions.is_entity_owner(["Group:default/Team"]), True),
        (catalog_conditions.is_entity_owner(["group:default/other"]), False),
        (catalog_conditions.is_entity_owner([]), False),
        (not_(catalog_conditions.has_label("stage", "prod")), False),
        (all_of(catalog_conditions.has_label("stage"), not_(catalog_conditions.has_label("nope"))), True),
        (any_of(catalog_conditions.has_label("nope"), catalog_conditions.is_entity_kind(["api"])), False),
    ],
)
def test_what_the_rules_mean(asked: PermissionCriteria[Condition], *, expected: bool) -> None:
    """K269 K270: keys and values are looked for without case, owners by the relation ownedBy.

    deviation: upstream compares owners exactly when an entity is in hand, but without case in queries
    """
    assert apply_conditions(asked, indexed(ENTITY), catalog_permission_rules) is expected


async def test_decisions_become_predicates() -> None:
    """K261: who is allowed may read everything, who is denied nothing."""
    assert await access(ALLOW).readable(ALICE) == EVERYTHING
    assert await access(DENY).readable(ALICE) == NOTHING


@pytest.mark.parametrize(
    ("decision", "text"),
    [
        (
            ConditionalDecision("catalog", "thing", Condition("IS_OWNER", "thing")),
            "The policy's conditions for 'catalog.entity.read' are about 'thing', expected 'catalog-entity'",
        ),
        (
            catalog_conditions.catalog_conditional_decision(Condition("NOPE", "catalog-entity")),
            (
                "The policy's conditions for 'catalog.entity.read' are not understood; caused by InputError: "
                "Permission rule 'NOPE' does not exist for resource type 'catalog-entity'"
            ),
        ),
        (
            catalog_conditions.catalog_conditional_decision(Condition("HAS_LABEL", "catalog-entity", {})),
            (
                "The policy's conditions for 'catalog.entity.read' are not understood; caused by InputError: "
                "Parameters to rule HAS_LABEL are invalid"
            ),
        ),
    ],
)
async def test_a_policy_that_errs_is_told(decision: ConditionalDecision, text: str) -> None:
    """K261: conditions that nobody can put to entities let nobody through, and say what is wrong with them."""
    with pytest.raises(UnderstageError) as caught:
        await access(decision).readable(ALICE)
    assert str(caught.value).startswith(text)


def test_combinations_of_nothing_find_nothing() -> None:
    """K271: an empty combination is never fulfilled, in a query as on an entity."""
    for empty in (AllOf[EntitiesSearchFilter](()), AnyOf[EntitiesSearchFilter](())):
        assert search_predicate(empty) == NOTHING
        assert not indexed(ENTITY).has(empty)
        assert indexed(ENTITY).has(Not(empty))


class Tier(msgspec.Struct):
    tier: str


def test_own_rules_are_one_definition() -> None:
    """K273: a rule of a module says what to search for, and so also judges entities in hand."""
    rule = create_catalog_permission_rule(
        name="IS_TIER",
        description="Allow entities of a tier",
        params=Tier,
        to_query=lambda params: any_of(
            EntitiesSearchFilter("metadata.annotations.example.com/tier", [params.tier]),
            EntitiesSearchFilter("spec.tier", [params.tier]),
        ),
    )
    assert rule.resource_ref == catalog_entity_permission_resource_ref
    assert apply_conditions(condition(rule, {"tier": "gold"}), indexed(ENTITY), [rule])
    assert not apply_conditions(condition(rule, {"tier": "lead"}), indexed(ENTITY), [rule])
