"""The scheduler service: work that is done again and again, by one replica or by each."""

from understage.defaults.scheduler.factory import scheduler_service_factory

__all__ = ["scheduler_service_factory"]
