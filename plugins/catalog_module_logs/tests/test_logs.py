"""Events of the catalog in the log."""

import asyncio
from pathlib import Path
from typing import Any

from understage.catalog import feature as catalog_feature
from understage.catalog_module_logs import feature
from understage.catalog_module_logs.event_log import EventLog
from understage.plugin_api import Event, LoggerService, core_services, create_service_factory
from understage.testing import mock_services, start_test_backend


class Lines:
    """A logger that keeps warnings."""

    def __init__(self) -> None:
        self.warnings: list[tuple[str, dict[str, object]]] = []
        self.has_some = asyncio.Event()

    def warning(self, message: str, /, **metadata: object) -> None:
        self.warnings.append((message, metadata))
        self.has_some.set()

    def error(self, message: str, /, **metadata: object) -> None: ...

    def info(self, message: str, /, **metadata: object) -> None: ...

    def debug(self, message: str, /, **metadata: object) -> None: ...

    def child(self, **metadata: object) -> "Lines":
        return self


async def test_each_error_is_a_line() -> None:
    """K572: errors are logged one by one, with the entity and its location."""
    lines = Lines()
    errors = [{"name": "InputError", "message": "one"}, {"name": "Error", "message": "two"}]
    payload = {"entity": "component:default/web", "location": "url:https://x", "errors": errors}
    await EventLog(lines).take(Event("experimental.catalog.errors", payload))
    place = {"entity": "component:default/web", "location": "url:https://x"}
    assert lines.warnings == [("one", place), ("two", place)]


async def test_a_conflict_is_a_line() -> None:
    """K572: a refused entity is logged with both locations."""
    lines = Lines()
    keys = {"newLocationKey": "url:https://new", "existingLocationKey": "url:https://old"}
    payload: dict[str, Any] = {
        "unprocessedEntity": {},
        "entityRef": "component:default/web",
        "lastConflictAt": "",
        **keys,
    }
    await EventLog(lines).take(Event("experimental.catalog.conflict", payload))
    ((text, metadata),) = lines.warnings
    assert text == "component:default/web of url:https://new is left out: another location has its name"
    assert metadata == {"entity": "component:default/web", **keys}


async def test_a_backend_logs_errors_of_processing(tmp_path: Path) -> None:
    """K571, K572: with the module, what cannot be processed is a line of the log."""
    file = tmp_path / "a.yaml"
    file.write_text("apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: web}\nspec: {type: x}\n")
    data = {"catalog": {"locations": [{"type": "file", "target": str(file)}]}}
    lines = Lines()

    @create_service_factory(service=core_services.logger)
    def logger() -> LoggerService:
        return lines

    features = [catalog_feature, feature, logger, mock_services.root_config.factory(data=data)]
    async with start_test_backend(features=features), asyncio.timeout(20):
        while not [text for text, metadata in lines.warnings if "location" in metadata and "problem" not in metadata]:
            lines.has_some.clear()
            await lines.has_some.wait()
    (line, *_) = [(text, metadata) for text, metadata in lines.warnings if "problem" not in metadata]
    assert "must have required property 'lifecycle'" in line[0]
    assert line[1] == {"entity": "component:default/web", "location": f"file:{file}"}
