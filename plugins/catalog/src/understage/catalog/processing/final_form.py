"""The final form of an entity: what is served."""

from typing import Any

import msgspec

from understage.catalog.database.stitching import OutgoingRelation, ProcessedEntity
from understage.catalog.processing.content_hash import content_hash
from understage.catalog_api import EntityJson, annotations, is_script_url

REJECTED_URL = "https://backstage.io/annotation-rejected-for-security-reasons"
STATUS_TYPE = "backstage.io/catalog-processing"
_FIRST_MEMBERS = ("metadata", "apiVersion", "kind", "spec")


def final_form(processed: ProcessedEntity, relations: list[OutgoingRelation]) -> tuple[EntityJson, str]:
    """Returns an entity as it is served, and the hash by which a change is recognised.

    Args:
        processed: the entity with its errors.
        relations: its relations, each once, sorted by type and target.
    """
    entity: EntityJson = msgspec.json.decode(processed.processed_entity)
    metadata: dict[str, Any] = {key: value for key, value in entity["metadata"].items() if key not in ("uid", "etag")}
    _adjust_annotations(metadata, is_orphan=processed.is_orphan)
    final: EntityJson = {"metadata": metadata}
    final |= {member: entity[member] for member in _FIRST_MEMBERS[1:] if member in entity}
    final |= {member: value for member, value in entity.items() if member not in _FIRST_MEMBERS}
    final["relations"] = [{"type": one.type, "targetRef": one.target_entity_ref} for one in relations]
    status = status_items(processed.errors)
    if status:
        final["status"] = {"items": status}
    own_etag = entity["metadata"].get("etag")
    digest = content_hash([processed.entity_id, own_etag, final])
    metadata["uid"] = processed.entity_id
    metadata["etag"] = own_etag or digest
    return final, digest


def status_items(errors: str) -> list[dict[str, Any]]:
    """Returns the status items for an entity's errors.

    Args:
        errors: JSON text of a list of errors.
    """
    return [
        {
            "type": STATUS_TYPE,
            "level": "error",
            "message": f"{error['name']}: {error['message']}",
            "error": error,
        }
        for error in msgspec.json.decode(errors)
    ]


def _adjust_annotations(metadata: dict[str, Any], *, is_orphan: bool) -> None:
    found: dict[str, str] = metadata.get("annotations") or {}
    changed = {
        key: REJECTED_URL
        for key in (annotations.VIEW_URL, annotations.EDIT_URL)
        if key in found and is_script_url(found[key])
    }
    if is_orphan:
        changed[annotations.ORPHAN] = "true"
    if changed:
        metadata["annotations"] = {**found, **changed}
