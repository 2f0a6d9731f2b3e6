"""The built-in placeholders: `$text`, `$json` and `$yaml` stand for files."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from understage.catalog_api import Placeholder, PlaceholderResolver
from understage.errors import InputError, NotAllowedError, UnderstageError
from understage.integration import RepositoryIntegration, RepositoryUrl, ScmIntegrations


def built_in_resolvers(integrations: ScmIntegrations) -> Mapping[str, PlaceholderResolver]:
    """Returns the resolvers by the names of their placeholders.

    Args:
        integrations: know which addresses are of the same repository.
    """

    async def resolve_text(placeholder: Placeholder) -> Any:
        content, _ = await _read(placeholder, integrations)
        return content.decode("utf-8", errors="replace").removeprefix("\ufeff")

    async def resolve_json(placeholder: Placeholder) -> Any:
        content, _ = await _read(placeholder, integrations)
        return await asyncio.to_thread(_parse_json, placeholder, content)

    async def resolve_yaml(placeholder: Placeholder) -> Any:
        content, url = await _read(placeholder, integrations)
        return await asyncio.to_thread(_parse_yaml, placeholder, content, url)

    return {"text": resolve_text, "json": resolve_json, "yaml": resolve_yaml}


async def _read(placeholder: Placeholder, integrations: ScmIntegrations) -> tuple[bytes, str]:
    key, value, base = placeholder.key, placeholder.value, placeholder.base_url
    if not isinstance(value, str):
        raise InputError(
            f"Placeholder ${key} expected a string value parameter, in the form of an absolute URL or a relative path"
        )
    try:
        url = placeholder.resolve_url(value, base)
        _check_same_repository(url, base, integrations)
    except (InputError, NotAllowedError, ValueError) as error:
        raise InputError(f"Placeholder ${key} could not form a URL out of {base} and {value}", error) from error
    placeholder.emit.refresh(f"url:{url}")
    try:
        return await placeholder.read(url), url
    except UnderstageError as error:
        raise InputError(f"Placeholder ${key} could not read location {value}", error) from error


def _check_same_repository(url: str, base: str, integrations: ScmIntegrations) -> None:
    """Checks that an entity does not show files of repositories that its authors may have no access to."""
    wanted, own = _repository(url, integrations), _repository(base, integrations)
    if wanted is not None and own is not None and wanted != own:
        raise NotAllowedError("Placeholder may only reference files from the same repository as the entity")


def _repository(url: str, integrations: ScmIntegrations) -> tuple[str, str] | None:
    """Returns host and name of the repository that a file is in, or None for an address that is no such file."""
    integration = integrations.by_url(url)
    if not isinstance(integration, RepositoryIntegration):
        return None
    try:
        place: RepositoryUrl = integration.parse_url(url)
    except InputError:
        return None
    return (integration.host, place.full_name.lower()) if place.path else None


def _parse_json(placeholder: Placeholder, content: bytes) -> Any:
    try:
        return msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"Placeholder ${placeholder.key} failed to parse JSON data at {placeholder.value}", error
        ) from error


def _parse_yaml(placeholder: Placeholder, content: bytes, url: str) -> Any:
    from understage.catalog.reading.yaml_documents import read_documents

    name = f"Placeholder ${placeholder.key}"
    try:
        documents = read_documents(content.decode("utf-8"), url)
    except (InputError, UnicodeDecodeError) as error:
        raise InputError(f"{name} failed to parse YAML data at {placeholder.value}", error) from error
    if len(documents) != 1:
        raise InputError(
            f"{name} expected to find exactly one document of data at {placeholder.value}, found {len(documents)}"
        )
    if documents[0].error is not None:
        raise InputError(
            f"{name} found an error in the data at {placeholder.value}", documents[0].error
        ) from documents[0].error
    return documents[0].value
