"""The container's errors, by what they are about."""

from understage.wiring.errors.base import WiringError
from understage.wiring.errors.declaration import (
    BackendStateError,
    DuplicateExtensionPointError,
    DuplicateModuleError,
    DuplicatePluginError,
    InvalidFeatureError,
    PluginSelectionError,
    RegistrationCallError,
    RegistrationError,
)
from understage.wiring.errors.loaders import FeatureLoaderError
from understage.wiring.errors.modules import CycleLink, DependencyCycleError, ExtensionPointMisuseError
from understage.wiring.errors.services import (
    DuplicateServiceError,
    MissingDependencyError,
    ReservedServiceError,
    ScopeViolationError,
    ServiceCreationError,
    ServiceCycleError,
    ServiceInUseError,
)
from understage.wiring.errors.startup import BackendStartupError, UnexpectedStartupError, failure_lines

__all__ = [
    "BackendStartupError",
    "BackendStateError",
    "CycleLink",
    "DependencyCycleError",
    "DuplicateExtensionPointError",
    "DuplicateModuleError",
    "DuplicatePluginError",
    "DuplicateServiceError",
    "ExtensionPointMisuseError",
    "FeatureLoaderError",
    "InvalidFeatureError",
    "MissingDependencyError",
    "PluginSelectionError",
    "RegistrationCallError",
    "RegistrationError",
    "ReservedServiceError",
    "ScopeViolationError",
    "ServiceCreationError",
    "ServiceCycleError",
    "ServiceInUseError",
    "UnexpectedStartupError",
    "WiringError",
    "failure_lines",
]
