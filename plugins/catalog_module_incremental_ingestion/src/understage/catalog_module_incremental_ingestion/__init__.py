"""Brings large sources into the catalog page by page, and removes at the end what is gone."""

from understage.catalog_module_incremental_ingestion.extension_points import (
    IncrementalIngestion,
    IncrementalIngestionExtensionPoint,
    incremental_ingestion_extension_point,
)
from understage.catalog_module_incremental_ingestion.module import catalog_module_incremental_ingestion
from understage.catalog_module_incremental_ingestion.options import IncrementalOptions
from understage.catalog_module_incremental_ingestion.providers import (
    IncrementalEntityProvider,
    IncrementalEventHandler,
    SourcePage,
)

feature = catalog_module_incremental_ingestion

__all__ = [
    "IncrementalEntityProvider",
    "IncrementalEventHandler",
    "IncrementalIngestion",
    "IncrementalIngestionExtensionPoint",
    "IncrementalOptions",
    "SourcePage",
    "catalog_module_incremental_ingestion",
    "feature",
    "incremental_ingestion_extension_point",
]
