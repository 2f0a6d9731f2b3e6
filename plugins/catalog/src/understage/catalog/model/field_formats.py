"""Formats of the members that every entity has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from understage.catalog_api import FieldValidator, FieldValidators
from understage.errors import InputError

_LABEL = r"[a-z0-9]+(?:-+[a-z0-9]+)*"
_NAME = r"(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_KIND = re.compile(r"[a-zA-Z][a-z0-9A-Z]{0,62}\Z")
_VERSION = re.compile(r"[a-z0-9A-Z]{1,63}\Z")
_SUBDOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\Z")
_ENTITY_NAME = re.compile(rf"{_NAME}\Z")
_NAMESPACE = re.compile(rf"{_LABEL}\Z")
_TAG = re.compile(r"[a-z0-9:+#]+(?:-[a-z0-9:+#]+)*\Z")
# What most links are. Everything else is taken apart in full.
_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,4})?(?:[/?#][!-~]*)?\Z")

# A DNS subdomain, a slash and a name or version.
_LONGEST_KEY = 253 + 1 + 63
# The keys, tags and versions of a catalog are few, and each entity is looked at again and again.
_REMEMBERED = 4096

_NAME_TEXT = "sequences of [a-zA-Z0-9] separated by any of [-_.], at most 63 characters in total"
_LABEL_TEXT = "sequences of [a-z0-9] separated by [-], at most 63 characters in total"
_KEY_TEXT = f"a name, maybe after a DNS subdomain and a slash, where a name is {_NAME_TEXT}"
_TAG_TEXT = "sequences of [a-z0-9:+#] separated by [-], at most 63 characters in total"
_VERSION_TEXT = "[a-zA-Z0-9], at most 63 characters, maybe after a DNS subdomain and a slash"
_KIND_TEXT = "a letter followed by [a-zA-Z0-9], at most 63 characters in total"


class FieldFormatError(InputError):
    """A member of an entity has the right type but not the right form."""

    name = "Error"


def is_api_version(value: Any) -> bool:
    """Tells whether a value is `suffix` or `dns.subdomain/suffix`."""
    return isinstance(value, str) and len(value) <= _LONGEST_KEY and _is_api_version(value)


@lru_cache(_REMEMBERED)
def _is_api_version(value: str) -> bool:
    prefix, separator, suffix = value.rpartition("/")
    return bool(_VERSION.match(suffix)) and (not separator or is_dns_subdomain(prefix))


def is_kind(value: Any) -> bool:
    """Tells whether a value has the form of a kind."""
    return isinstance(value, str) and bool(_KIND.match(value))


def is_entity_name(value: Any) -> bool:
    """Tells whether a value has the form of an entity's name."""
    return isinstance(value, str) and len(value) <= 63 and bool(_ENTITY_NAME.match(value))


def is_namespace(value: Any) -> bool:
    """Tells whether a value is a DNS label in lower case."""
    return isinstance(value, str) and len(value) <= 63 and bool(_NAMESPACE.match(value))


def is_dns_subdomain(value: str) -> bool:
    """Tells whether a text is DNS labels joined by dots."""
    return len(value) <= 253 and bool(_SUBDOMAIN.match(value)) and all(len(part) <= 63 for part in value.split("."))


def is_key(value: Any) -> bool:
    """Tells whether a value may be the key of a label or annotation."""
    return isinstance(value, str) and len(value) <= _LONGEST_KEY and _is_key(value)


@lru_cache(_REMEMBERED)
def _is_key(value: str) -> bool:
    prefix, separator, name = value.partition("/")
    return is_entity_name(name) and is_dns_subdomain(prefix) if separator else is_entity_name(value)


def is_label_value(value: Any) -> bool:
    """Tells whether a value may be the value of a label."""
    return value == "" or is_entity_name(value)


def is_tag(value: Any) -> bool:
    """Tells whether a value has the form of a tag."""
    return isinstance(value, str) and len(value) <= 63 and _is_tag(value)


@lru_cache(_REMEMBERED)
def _is_tag(value: str) -> bool:
    return bool(_TAG.match(value))


def is_url(value: Any) -> bool:
    """Tells whether a value is an absolute address."""
    return isinstance(value, str) and (bool(_PLAIN_URL.match(value)) or _has_scheme_and_place(value))


def _has_scheme_and_place(value: str) -> bool:
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - reading it raises for a port that is no number
    except ValueError:
        return False
    return bool(parts.scheme) and bool(parts.netloc or (parts.path and parts.scheme not in ("http", "https")))


def is_annotation_value(value: Any) -> bool:
    """Tells whether a value may be the value of an annotation: any text."""
    return isinstance(value, str)


@dataclass(frozen=True, slots=True)
class FieldFormats:
    """What tells whether the members of entities have their formats; see `FieldValidators` for the members."""

    api_version: FieldValidator = is_api_version
    kind: FieldValidator = is_kind
    entity_name: FieldValidator = is_entity_name
    namespace: FieldValidator = is_namespace
    label_key: FieldValidator = is_key
    label_value: FieldValidator = is_label_value
    annotation_key: FieldValidator = is_key
    annotation_value: FieldValidator = is_annotation_value
    tag: FieldValidator = is_tag

    def replaced_by(self, validators: FieldValidators) -> FieldFormats:
        """Returns these formats, with the validators that are given in place of others."""
        given = {one.name: getattr(validators, one.name) for one in fields(validators)}
        return replace(self, **{name: validator for name, validator in given.items() if validator is not None})


DEFAULT_FORMATS = FieldFormats()


def check_field_formats(entity: dict[str, Any], formats: FieldFormats = DEFAULT_FORMATS) -> None:
    """Checks the formats of an entity's members; their types must have been checked before.

    Args:
        entity: the entity.
        formats: what to check by.

    Raises:
        FieldFormatError: names the member, what was expected, and what was found.
    """
    for field, value, expected in _problems(entity, formats):
        raise FieldFormatError(
            f'"{field}" is not valid; expected a string that is {expected} but found {_shown(value)}'
        )


def _problems(entity: dict[str, Any], formats: FieldFormats) -> Iterator[tuple[str, Any, str]]:
    metadata = entity["metadata"]
    if not formats.api_version(entity["apiVersion"]):
        yield "apiVersion", entity["apiVersion"], _VERSION_TEXT
    if not formats.kind(entity["kind"]):
        yield "kind", entity["kind"], _KIND_TEXT
    if not formats.entity_name(metadata["name"]):
        yield "metadata.name", metadata["name"], _NAME_TEXT
    if not formats.namespace(metadata.get("namespace", "default")):
        yield "metadata.namespace", metadata["namespace"], _LABEL_TEXT
    for key, value in metadata.get("labels", {}).items():
        if not formats.label_key(key):
            yield f"labels.{key}", key, _KEY_TEXT
        if not formats.label_value(value):
            yield f"labels.{key}", value, f"empty or {_NAME_TEXT}"
    for key, value in metadata.get("annotations", {}).items():
        if not formats.annotation_key(key):
            yield f"annotations.{key}", key, _KEY_TEXT
        if not formats.annotation_value(value):
            yield f"annotations.{key}", value, "what this installation allows"
    for index, tag in enumerate(metadata.get("tags", ())):
        if not formats.tag(tag):
            yield f"tags.{index}", tag, _TAG_TEXT
    for index, link in enumerate(metadata.get("links", ())):
        if not is_url(link["url"]):
            yield f"links.{index}.url", link["url"], "an absolute URL"
        for member in ("title", "icon"):
            if member in link and not link[member].strip():
                yield f"links.{index}.{member}", link[member], "not blank"


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
