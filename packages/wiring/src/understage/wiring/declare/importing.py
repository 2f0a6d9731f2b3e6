"""Imports by name: `package.module` or `package.module:attribute`."""

import asyncio
import importlib
import sys
from types import ModuleType

from understage.plugin_api import CodeLocation
from understage.wiring.errors import InvalidFeatureError


async def import_attribute(name: str, *, default_attribute: str, location: CodeLocation | None) -> object:
    """Returns what an import name stands for; the import runs in a thread, as it may take long.

    Args:
        name: `package.module` or `package.module:attribute`.
        default_attribute: the attribute to take if the name has none.
        location: where the name was written, for messages.

    Raises:
        InvalidFeatureError: the module cannot be imported, or lacks the attribute.
    """
    module_name, _, attribute = name.partition(":")
    module = sys.modules.get(module_name)
    if module is None:
        module = await asyncio.to_thread(_import_module, name, module_name, location)
    return attribute_of(module, attribute or default_attribute, name=name, location=location)


def attribute_of(module: ModuleType, path: str, *, name: str, location: CodeLocation | None) -> object:
    """Returns an attribute of a module by its dotted path.

    Raises:
        InvalidFeatureError: there is no such attribute.
    """
    value: object = module
    for part in path.split("."):
        try:
            value = getattr(value, part)
        except AttributeError as error:
            raise InvalidFeatureError(
                f"'{name}' cannot be loaded: module '{module.__name__}' has no attribute '{path}'",
                feature=name,
                location=location,
                hint="add it as 'package.module:attribute' if the attribute has another name",
            ) from error
    return value


def _import_module(name: str, module_name: str, location: CodeLocation | None) -> ModuleType:
    try:
        return importlib.import_module(module_name)
    except Exception as error:  # a module's top level may raise anything
        raise InvalidFeatureError(
            f"'{name}' cannot be imported",
            feature=name,
            location=location,
            hint=_hint(module_name, error),
            cause=error,
        ) from error


def _hint(module_name: str, error: Exception) -> str | None:
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if not missing:
        return None
    if not module_name.startswith(missing):
        return f"it needs '{missing}', which is not installed in this environment"
    if missing.startswith("understage."):
        return f"pip install {missing.replace('.', '-').replace('_', '-')}"
    return f"install the package that holds '{missing}' into this environment, or correct the name"
