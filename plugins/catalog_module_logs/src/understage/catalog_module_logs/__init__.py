"""What the catalog tells of, in the log."""

from understage.catalog_module_logs.module import catalog_module_logs

feature = catalog_module_logs

__all__ = ["catalog_module_logs", "feature"]
