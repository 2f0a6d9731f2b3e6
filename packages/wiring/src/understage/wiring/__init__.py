"""The container of Understage: registration, dependency graph, start and stop."""

from understage.wiring.backend import Backend
from understage.wiring.create.registry import ServiceRegistry
from understage.wiring.declare.addable import AddableFeature
from understage.wiring.errors import (
    BackendStartupError,
    BackendStateError,
    CycleLink,
    DependencyCycleError,
    DuplicateExtensionPointError,
    DuplicateModuleError,
    DuplicatePluginError,
    DuplicateServiceError,
    ExtensionPointMisuseError,
    FeatureLoaderError,
    InvalidFeatureError,
    MissingDependencyError,
    PluginSelectionError,
    RegistrationCallError,
    RegistrationError,
    ReservedServiceError,
    ScopeViolationError,
    ServiceCreationError,
    ServiceCycleError,
    ServiceInUseError,
    UnexpectedStartupError,
    WiringError,
)
from understage.wiring.errors.combined import SeveralProblemsError
from understage.wiring.graph.defaults import LazyFactory
from understage.wiring.load.discovery import create_discovery_feature_loader, discovery_feature_loader
from understage.wiring.report.model import StartReport
from understage.wiring.start.extension_points import ExtensionPointMiddleware
from understage.wiring.start.results import ModuleStartResult, PluginStartResult, StartFailure, StartResult
from understage.wiring.stop.running import run_backend

__all__ = [
    "AddableFeature",
    "Backend",
    "BackendStartupError",
    "BackendStateError",
    "CycleLink",
    "DependencyCycleError",
    "DuplicateExtensionPointError",
    "DuplicateModuleError",
    "DuplicatePluginError",
    "DuplicateServiceError",
    "ExtensionPointMiddleware",
    "ExtensionPointMisuseError",
    "FeatureLoaderError",
    "InvalidFeatureError",
    "LazyFactory",
    "MissingDependencyError",
    "ModuleStartResult",
    "PluginSelectionError",
    "PluginStartResult",
    "RegistrationCallError",
    "RegistrationError",
    "ReservedServiceError",
    "ScopeViolationError",
    "ServiceCreationError",
    "ServiceCycleError",
    "ServiceInUseError",
    "ServiceRegistry",
    "SeveralProblemsError",
    "StartFailure",
    "StartReport",
    "StartResult",
    "UnexpectedStartupError",
    "WiringError",
    "create_discovery_feature_loader",
    "discovery_feature_loader",
    "run_backend",
]
