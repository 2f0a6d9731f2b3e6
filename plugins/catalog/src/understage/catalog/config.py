"""The catalog's configuration: the section `catalog`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec

from understage.config import Config, HumanDuration, config_schema, parse_duration

DEFAULT_SHORTEST_INTERVAL = timedelta(seconds=100)
DEFAULT_LONGEST_INTERVAL = timedelta(seconds=150)
SHORTEST_POSSIBLE_INTERVAL = timedelta(seconds=1)
DEFAULT_POLL_SECONDS = 1.0
SHORTEST_POLL = timedelta(milliseconds=50)


class AllowedKind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind that may come, maybe only with one type.

    Attributes:
        kind: such as `Component`; case does not count.
        spec_type: the only `spec.type` that may come, or None for any.
    """

    kind: str
    spec_type: str | None = msgspec.field(default=None, name="spec.type")


class LocationMatcherConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Locations that a rule is about.

    Attributes:
        type: `file`, `url`, ...
        exact: the one target that is meant.
        pattern: a glob that the target must match.
    """

    type: str
    exact: str | None = None
    pattern: str | None = None


class RuleConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Allows kinds from all locations, or from some.

    Attributes:
        allow: the kinds.
        locations: where they may come from; anywhere by default.
    """

    allow: list[str | AllowedKind]
    locations: list[LocationMatcherConfig] | None = None


class LocationRuleConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Allows kinds from the location that it is written at.

    Attributes:
        allow: the kinds.
    """

    allow: list[str]


class LocationConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A place to read entities from.

    Attributes:
        type: `file`; what reads it.
        target: a path or glob, relative to the working directory.
        rules: kinds that may come from here beside those of `catalog.rules`.
    """

    type: str
    target: str
    rules: list[LocationRuleConfig] = []


class RemovalGuardConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How much a provider may remove at once, when it says what there is now.

    Attributes:
        max_percentage: how many of a hundred entities that it has brought; 50 by default.
        minimum: so many may go in any case, as long as something is left; 20 by default.
    """

    max_percentage: Annotated[float, msgspec.Meta(ge=0, le=100)] | None = None
    minimum: Annotated[int, msgspec.Meta(ge=0)] | None = None


class ProviderOptions(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Options of an entity provider.

    Attributes:
        disabled: whether it is left out.
        removal_guard: how much it may remove at once; `false` for any amount.
    """

    disabled: bool = False
    removal_guard: RemovalGuardConfig | Literal[False] | None = None


class ProcessorOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of a processor.

    Attributes:
        disabled: whether it is left out.
        priority: its place in the order, lower first; 20 by default.
    """

    disabled: bool = False
    priority: int | None = None


class StitchingConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How entities are put into their final form.

    Attributes:
        polling_interval: how often it is looked for work that nobody has told of; a second by default.
        stitch_timeout: understood, but without effect: work that a process leaves undone is free again at once.
    """

    polling_interval: HumanDuration | None = None
    stitch_timeout: HumanDuration | None = None


class ScmEventsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Which events of source hosts the catalog reacts to.

    Attributes:
        refresh: whether it looks again at what comes from a place that has changed.
        unregister: whether it forgets registered locations that were deleted.
        move: whether it follows registered locations that were moved.
    """

    refresh: bool = True
    unregister: bool = True
    move: bool = True


class CatalogConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The section `catalog`.

    Attributes:
        rules: which kinds may come from where; by default Component, API and Location from anywhere.
        locations: the places to read entities from.
        orphan_strategy: whether entities that nothing leads to any more are deleted or kept with an annotation.
        orphan_provider_strategy: whether entities of providers that are no longer installed are deleted or kept.
        removal_guard: how much a provider may remove at once; `false` for any amount.
        stitching_strategy: how entities are put into their final form.
        scm_events: whether it reacts to events of source hosts: to none, to all, or as the section says.
        processing_interval: after which time entities are looked at again, up to half as long again to spread the
            load; 100 to 150 seconds by default. `false` turns processing off in this process.
        provider_options: options of entity providers by name.
        processor_options: options of processors by name.
        disable_default_processors: whether the built-in processors are left out that read locations and annotate them.
        readonly: whether no location may be registered, changed or removed over HTTP.
        default_location_conflict_strategy: what happens when a location is registered again: `reject`, or `refresh`,
            which reads it again.
    """

    rules: list[RuleConfig] | None = None
    locations: list[LocationConfig] = []
    orphan_strategy: Literal["keep", "delete"] = "delete"
    orphan_provider_strategy: Literal["keep", "delete"] = "delete"
    removal_guard: RemovalGuardConfig | Literal[False] | None = None
    scm_events: bool | ScmEventsConfig = False
    stitching_strategy: StitchingConfig = StitchingConfig()
    processing_interval: HumanDuration | Literal[False] | None = None
    provider_options: dict[str, ProviderOptions] = {}
    processor_options: dict[str, ProcessorOptions] = {}
    disable_default_processors: bool = False
    readonly: bool = False
    default_location_conflict_strategy: Literal["refresh", "reject"] = "reject"

    @property
    def poll_seconds(self) -> float:
        """How often it is looked for work that nobody has told of."""
        interval = self.stitching_strategy.polling_interval
        return (
            DEFAULT_POLL_SECONDS if interval is None else max(parse_duration(interval), SHORTEST_POLL).total_seconds()
        )

    @property
    def scm_reactions(self) -> ScmEventsConfig:
        """Which events of source hosts the catalog reacts to."""
        if isinstance(self.scm_events, ScmEventsConfig):
            return self.scm_events
        return ScmEventsConfig(refresh=self.scm_events, unregister=self.scm_events, move=self.scm_events)

    @property
    def interval_seconds(self) -> tuple[float, float] | None:
        """The shortest and longest time between two looks at an entity, or None if processing is off."""
        interval = self.processing_interval
        if interval is False:
            return None
        if interval is None:
            return DEFAULT_SHORTEST_INTERVAL.total_seconds(), DEFAULT_LONGEST_INTERVAL.total_seconds()
        seconds = max(parse_duration(interval), SHORTEST_POSSIBLE_INTERVAL).total_seconds()
        return seconds, seconds * 1.5


def schema() -> dict[str, Any]:
    """Returns the JSON Schema of the section `catalog`, as this plugin reads it."""
    return config_schema(CatalogConfig, at="catalog")


def read_catalog_config(config: Config) -> CatalogConfig:
    """Reads the section `catalog`; without one, everything is at its default.

    Args:
        config: the root configuration.

    Raises:
        ConfigError: a value is of the wrong type.
    """
    settings = config.read(CatalogConfig, "catalog")
    if settings.processing_interval not in (None, False):
        config.get_optional_duration("catalog.processingInterval")  # says where it stands if it is no duration
    for key in ("pollingInterval", "stitchTimeout"):
        config.get_optional_duration(f"catalog.stitchingStrategy.{key}")
    return settings
