"""Features of installed packages, as far as `backend.packages` asks for them."""

import asyncio
import fnmatch
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from understage.config import Config
from understage.errors import InputError
from understage.plugin_api import FeatureLoader, RootConfig, RootLogger, create_backend_feature_loader
from understage.wiring.load.discovered import DiscoveredFeature

ENTRY_POINT_GROUP = "understage.features"
CONFIG_KEY = "backend.packages"


@dataclass(frozen=True, slots=True)
class InstalledFeature:
    """A feature that an installed package announces.

    Attributes:
        package: the distribution's name, such as `understage-catalog`.
        name: the entry point's name.
        value: the import name, `package.module` or `package.module:attribute`.
    """

    package: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class PackageSelection:
    """Which packages are asked for.

    Attributes:
        include: patterns of distribution names, `*` matching anything; None for all.
        exclude: patterns of those to leave out all the same.
    """

    include: tuple[str, ...] | None
    exclude: tuple[str, ...]

    def __contains__(self, package: object) -> bool:
        """Tells whether a package, by its distribution name, is asked for."""
        name = _normalized(str(package))
        included = self.include is None or _matches(name, self.include)
        return included and not _matches(name, self.exclude)


def read_selection(config: Config, always_excluded: Collection[str] = ()) -> PackageSelection | None:
    """Returns which packages the configuration asks for, or None if it asks for none.

    Args:
        config: `backend.packages` is `all`, or an object with `include` and `exclude`, lists of names with `*`.
        always_excluded: patterns that are left out whatever the configuration says.

    Raises:
        InputError: the value is something else.
    """
    value = config.get_optional(CONFIG_KEY)
    if not value:
        return None
    if value == "all":
        return PackageSelection(None, tuple(always_excluded))
    if not isinstance(value, dict) or not set(value) <= {"include", "exclude"}:
        place = config.location_of(CONFIG_KEY)
        raise InputError(
            f"{f'{place}: ' if place else ''}{CONFIG_KEY}: expected 'all', or an object with 'include' and 'exclude',"
            f" got {value!r}"
        )
    include = config.get_optional_string_array(f"{CONFIG_KEY}.include")
    exclude = config.get_optional_string_array(f"{CONFIG_KEY}.exclude") or []
    return PackageSelection(None if include is None else tuple(include), (*exclude, *always_excluded))


def installed_features(found: Iterable[EntryPoint] | None = None) -> list[InstalledFeature]:
    """Returns the features that installed packages announce, ordered by package and name.

    Args:
        found: the entry points to look at; by default those of the environment, which reads files.
    """
    points = entry_points(group=ENTRY_POINT_GROUP) if found is None else found
    features = {InstalledFeature(point.dist.name if point.dist else "", point.name, point.value) for point in points}
    return sorted(features, key=lambda feature: (feature.package, feature.name))


def create_discovery_feature_loader(
    *,
    always_excluded: Sequence[str] = (),
    find: Callable[[], Sequence[InstalledFeature]] = installed_features,
) -> FeatureLoader:
    """Returns a loader that adds the features of installed packages that `backend.packages` asks for.

    A feature that was added already is skipped.

    Args:
        always_excluded: patterns of packages that are never loaded, whatever the configuration says.
        find: returns what is installed; it runs in a thread.
    """

    @create_backend_feature_loader()
    async def discover(config: RootConfig, logger: RootLogger) -> AsyncIterator[Any]:
        selection = read_selection(config, always_excluded)
        if selection is None:
            return
        for feature in await asyncio.to_thread(find):
            if feature.package not in selection:
                logger.debug("Left out an installed feature", package=feature.package, feature=feature.value)
                continue
            logger.info("Found an installed feature", package=feature.package, feature=feature.value)
            yield DiscoveredFeature(feature.value, _skip_message(logger, feature))

    return discover


def _skip_message(logger: RootLogger, feature: InstalledFeature) -> Callable[[], None]:
    return lambda: logger.info(
        "Skipped an installed feature: it was added already", package=feature.package, feature=feature.value
    )


def _normalized(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, _normalized(pattern).replace("[", "[[]")) for pattern in patterns)


discovery_feature_loader = create_discovery_feature_loader()
