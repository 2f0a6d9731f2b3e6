"""What modules of the events plugin use: its extension point, types of webhooks, routers of topics."""

from understage.events_api.extension_points import EventsEndpoints, EventsExtensionPoint, events_extension_point
from understage.events_api.routers import Destination, EventRouter, SubTopicEventRouter
from understage.events_api.types import HttpBodyParser, RequestDetails, RequestValidationContext, RequestValidator

__all__ = [
    "Destination",
    "EventRouter",
    "EventsEndpoints",
    "EventsExtensionPoint",
    "HttpBodyParser",
    "RequestDetails",
    "RequestValidationContext",
    "RequestValidator",
    "SubTopicEventRouter",
    "events_extension_point",
]
