"""The catalog model: which kinds, relations and metadata there are, in layers that modules add. Alpha, as upstream."""

from understage.catalog_api.model.ai_layers import AI_RESOURCE_LAYER, MCP_SERVER_LAYER
from understage.catalog_api.model.compiled import CatalogModel, ModelKind, ModelRelation, compile_model
from understage.catalog_api.model.default_layer import DEFAULT_LAYER
from understage.catalog_api.model.definitions import (
    Kind,
    KindNames,
    KindVersion,
    MetadataField,
    RelationField,
    RelationName,
    RelationPair,
)
from understage.catalog_api.model.layers import LayerBuilder, ModelLayer, model_layer
from understage.catalog_api.model.sources import ModelSource, static_model

__all__ = [
    "AI_RESOURCE_LAYER",
    "DEFAULT_LAYER",
    "MCP_SERVER_LAYER",
    "CatalogModel",
    "Kind",
    "KindNames",
    "KindVersion",
    "LayerBuilder",
    "MetadataField",
    "ModelKind",
    "ModelLayer",
    "ModelRelation",
    "ModelSource",
    "RelationField",
    "RelationName",
    "RelationPair",
    "compile_model",
    "model_layer",
    "static_model",
]
