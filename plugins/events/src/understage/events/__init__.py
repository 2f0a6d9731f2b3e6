"""The events plugin: webhooks, and the bus that carries events between backends."""

from understage.events.plugin import events_plugin

feature = events_plugin

__all__ = ["events_plugin", "feature"]
