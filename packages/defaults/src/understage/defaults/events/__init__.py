"""The events service: events within the process, and through the bus of the events plugin."""

from understage.defaults.events.factory import events_service_factory
from understage.defaults.events.service import DefaultEvents

__all__ = ["DefaultEvents", "events_service_factory"]
