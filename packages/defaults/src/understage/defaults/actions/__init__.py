"""The actions service: using what plugins offer to be done."""

from understage.defaults.actions.factory import actions_service_factory

__all__ = ["actions_service_factory"]
