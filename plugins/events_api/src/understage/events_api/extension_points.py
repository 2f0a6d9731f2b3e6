"""The extension point of the events plugin."""

from typing import Annotated, Protocol

from understage.events_api.types import HttpBodyParser, RequestValidator
from understage.plugin_api import ExtensionPoint, create_extension_point


class EventsExtensionPoint(Protocol):
    """Takes webhooks: endpoints whose requests become events."""

    def add_http_post_ingress(self, topic: str, *, validator: RequestValidator | None = None) -> None:
        """Opens `POST /api/events/http/<topic>` to everybody; each request is published under the topic.

        Args:
            topic: the topic, and the last part of the address.
            validator: looks at each request first and may refuse it.

        Raises:
            ConflictError: another module has a validator for this topic.
        """
        ...

    def add_http_post_body_parser(self, content_type: str, parser: HttpBodyParser) -> None:
        """Accepts a content type besides `application/json`, at all webhooks.

        Args:
            content_type: such as `application/x-www-form-urlencoded`, without parameters.
            parser: reads such bodies.

        Raises:
            ConflictError: there is a parser for this content type.
        """
        ...


events_extension_point: ExtensionPoint[EventsExtensionPoint] = create_extension_point(EventsExtensionPoint, id="events")

EventsEndpoints = Annotated[EventsExtensionPoint, events_extension_point]
