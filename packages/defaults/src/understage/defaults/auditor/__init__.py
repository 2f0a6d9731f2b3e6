"""The auditor service: who did what, in the log."""

from understage.defaults.auditor.factory import auditor_service_factory

__all__ = ["auditor_service_factory"]
