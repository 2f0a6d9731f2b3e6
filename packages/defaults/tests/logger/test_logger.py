from collections.abc import Awaitable
from dataclasses import dataclass

from understage.defaults.logger import logger_service_factory
from understage.defaults.root_logger import DefaultRootLogger, LogOutput
from understage.plugin_api import core_services


@dataclass
class Metadata:
    id: str


def test_a_plugins_entries_carry_its_id() -> None:
    """S4: a plugin's logger is the root logger's child with the plugin's id as `plugin`."""
    written: list[bytes] = []
    root = DefaultRootLogger(LogOutput(write=written.append))
    logger = logger_service_factory.factory(root_logger=root, plugin=Metadata("catalog"))
    assert not isinstance(logger, Awaitable)
    logger.info("Ready", type="initialization")
    assert b'"plugin":"catalog","type":"initialization"' in written[0]


def test_the_factory_provides_the_logger_service() -> None:
    """S4: the logger service needs the root logger and the plugin's metadata."""
    assert logger_service_factory.service is core_services.logger
    assert set(logger_service_factory.dependencies().factory.values()) == {
        core_services.root_logger,
        core_services.plugin_metadata,
    }
