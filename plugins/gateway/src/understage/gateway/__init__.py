"""The gateway plugin: passes requests for plugins that live elsewhere on to their backend."""

from understage.gateway.plugin import gateway_plugin

feature = gateway_plugin

__all__ = ["feature", "gateway_plugin"]
