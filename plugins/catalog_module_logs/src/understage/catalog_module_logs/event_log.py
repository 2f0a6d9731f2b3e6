"""From events of the catalog to lines of the log."""

from __future__ import annotations

from understage.catalog_api import CONFLICT_TOPIC, ConflictPayload, ErrorsPayload
from understage.plugin_api import Event, LoggerService


class EventLog:
    """Logs events of the catalog.

    Args:
        logger: where to.
    """

    def __init__(self, logger: LoggerService) -> None:
        self._logger = logger

    async def take(self, event: Event) -> None:
        """Logs an event.

        Args:
            event: of the topics of conflicts or errors.
        """
        if event.topic == CONFLICT_TOPIC:
            self._conflict(event.payload)
        else:
            self._errors(event.payload)

    def _errors(self, payload: ErrorsPayload) -> None:
        for error in payload["errors"]:
            self._logger.warning(str(error["message"]), entity=payload["entity"], location=payload["location"])

    def _conflict(self, payload: ConflictPayload) -> None:
        text = f"{payload['entityRef']} of {payload['newLocationKey']} is left out: another location has its name"
        self._logger.warning(
            text,
            entity=payload["entityRef"],
            newLocationKey=payload["newLocationKey"],
            existingLocationKey=payload["existingLocationKey"],
        )
