"""The module of the kind Template: its wiring."""

from understage.catalog_api import CatalogProcessing
from understage.catalog_module_scaffolder_entity_model.processor import ScaffolderEntitiesProcessor
from understage.plugin_api import ModuleRegistrationPoints, create_backend_module


@create_backend_module(plugin_id="catalog", module_id="scaffolder-entity-model")
def catalog_module_scaffolder_entity_model(env: ModuleRegistrationPoints) -> None:
    """Lets the catalog know the kind `Template`."""

    @env.register_init
    async def init(catalog: CatalogProcessing) -> None:
        catalog.add_processor(ScaffolderEntitiesProcessor())
