"""The kind Template for the catalog."""

from understage.catalog_module_scaffolder_entity_model.module import catalog_module_scaffolder_entity_model

feature = catalog_module_scaffolder_entity_model

__all__ = ["catalog_module_scaffolder_entity_model", "feature"]
