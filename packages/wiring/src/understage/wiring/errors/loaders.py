"""Errors of feature loaders."""

from understage.plugin_api import CodeLocation
from understage.wiring.errors.base import WiringError


class FeatureLoaderError(WiringError):
    """A feature loader failed, or asked for what it cannot have.

    Attributes:
        location: where the loader was declared; it is known by this place.
    """

    name = "FeatureLoaderError"

    def __init__(
        self,
        problem: str,
        *,
        location: CodeLocation | None,
        hint: str | None = None,
        cause: BaseException | None = None,
    ) -> None:
        """Puts the loader's place before the problem."""
        super().__init__(f"the feature loader declared at {location} {problem}", hint=hint, cause=cause)
        self.location = location
