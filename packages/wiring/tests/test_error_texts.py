"""Exact texts: an error draws the way to the problem and says what to do."""

import re
from typing import TYPE_CHECKING, Annotated

import pytest

from understage.errors import ConflictError, UnderstageError
from understage.plugin_api import (
    CodeLocation,
    DependencyDeclarationError,
    create_extension_point,
    create_service_factory,
    create_service_ref,
)
from understage.wiring import (
    BackendStartupError,
    CycleLink,
    DependencyCycleError,
    DuplicatePluginError,
    DuplicateServiceError,
    MissingDependencyError,
    ReservedServiceError,
    ScopeViolationError,
    ServiceCycleError,
    ServiceInUseError,
    SeveralProblemsError,
    WiringError,
)

if TYPE_CHECKING:
    from packages.wiring.tests.conftest import World

store_ref = create_service_ref(str, id="catalog.store")
index_ref = create_service_ref(str, id="search.index")
Store = Annotated[str, store_ref]
Index = Annotated[str, index_ref]
point = create_extension_point(str, id="catalog.point")
LINE = re.compile(r"\((?:created at |registered by [^()]* at )?[^():]*?([\w]+\.py):\d+\)")


def without_lines(text: str) -> str:
    """Returns a text with places reduced to the file's name."""
    return LINE.sub(lambda match: f"({match.group(1)})", text)


@create_service_factory(service=store_ref)
def store_factory(index: Index) -> str:
    return index


def place(file: str, line: int) -> CodeLocation:
    return CodeLocation(file, line)


def test_a_cycle_of_modules_is_drawn() -> None:
    """W71: the chain of modules is drawn with what each provides and needs, and where."""
    error = DependencyCycleError(
        "catalog",
        [
            CycleLink("github", "catalog.sources", place("plugins/catalog_github/plugin.py", 31), "catalog.ranking"),
            CycleLink("ranking", "catalog.ranking", place("plugins/catalog_ranking/plugin.py", 18), "catalog.sources"),
        ],
    )
    assert f"{error.name}: {error}" == (
        "DependencyCycleError: plugin 'catalog' cannot start: its modules wait for each other\n"
        "    module 'github'   provides catalog.sources   (plugins/catalog_github/plugin.py:31)\n"
        "      needs catalog.ranking\n"
        "    module 'ranking'  provides catalog.ranking   (plugins/catalog_ranking/plugin.py:18)\n"
        "      needs catalog.sources\n"
        "  hint: let one of them register its extension point without needing the other's"
    )


async def test_a_real_cycle_names_real_places(world: "World") -> None:
    """W71: a cycle found at start has each module need what the next one provides."""
    points = {name: create_extension_point(str, id=f"a.{name}") for name in ("x", "y", "z")}
    needs = {"x": "y", "y": "z", "z": "x"}
    modules = [world.module("a", name, points={points[name]: ""}, deps={"dep": points[needs[name]]}) for name in needs]
    with pytest.raises(BackendStartupError) as caught:
        await world.backend(world.plugin("a"), *modules).start()
    failure = caught.value.result.plugins[0].failure
    assert failure is not None
    assert without_lines(str(failure.error)) == (
        "plugin 'a' cannot start: its modules wait for each other\n"
        "    module 'x'  provides a.x   (conftest.py)\n"
        "      needs a.y\n"
        "    module 'y'  provides a.y   (conftest.py)\n"
        "      needs a.z\n"
        "    module 'z'  provides a.z   (conftest.py)\n"
        "      needs a.x\n"
        "  hint: let one of them register its extension point without needing the other's"
    )


async def test_the_way_to_a_missing_service_is_drawn(world: "World") -> None:
    """W25, W69: what is missing deep down is drawn from the plugin that needs it."""

    async def init(store: Store) -> None:
        del store

    with pytest.raises(BackendStartupError) as caught:
        await world.backend(store_factory, world.plugin("catalog", init)).start()
    assert without_lines(str(caught.value)) == (
        "the backend failed to start:\n"
        "  plugin 'catalog' failed; MissingDependencyError: plugin 'catalog' cannot start:"
        " nothing provides serviceRef{search.index}\n"
        "      plugin 'catalog'   (test_error_texts.py)\n"
        "        needs serviceRef{catalog.store}   (test_error_texts.py)\n"
        "          needs serviceRef{search.index}   (test_error_texts.py)\n"
        "    hint: add a service factory for 'search.index', or give its reference a default_factory"
    )


async def test_several_problems_are_told_together(world: "World") -> None:
    """W69: a module with several problems is told all of them at once."""
    with pytest.raises(BackendStartupError) as caught:
        await world.backend(
            world.plugin("a"), world.module("a", "m", deps={"index": index_ref, "point": point})
        ).start()
    failure = caught.value.result.plugins[0].modules[0].failure
    assert failure is not None
    assert isinstance(failure.error, SeveralProblemsError)
    assert len(failure.error.errors) == 2
    assert without_lines(str(failure.error)) == (
        "2 problems\n"
        "    MissingDependencyError: module 'm' of plugin 'a' cannot start: nothing provides serviceRef{search.index}\n"
        "        module 'm' of plugin 'a'   (conftest.py)\n"
        "          needs serviceRef{search.index}   (test_error_texts.py)\n"
        "      hint: add a service factory for 'search.index', or give its reference a default_factory\n"
        "    MissingDependencyError: module 'm' of plugin 'a' cannot start: nothing provides"
        " extensionPoint{catalog.point}\n"
        "        the init of module 'm' of plugin 'a'   (conftest.py)\n"
        "          needs extensionPoint{catalog.point}   (test_error_texts.py)\n"
        "      hint: 'catalog.point' is registered by no installed feature: add the plugin or module that offers it"
    )


async def test_a_broken_dependency_of_services_is_drawn(world: "World") -> None:
    """W26: a service whose declaration is wrong is told to the plugin that leads there."""
    broken_ref = create_service_ref(str, id="test.broken", default_factory="acme_absent.broken:factory")
    with pytest.raises(BackendStartupError) as caught:
        await world.backend(world.plugin("a", deps={"broken": broken_ref})).start()
    assert "plugin 'a' cannot start; caused by ServiceCreationError: the default factory of service" in str(
        caught.value
    )


async def test_a_factory_without_annotations_is_told(world: "World") -> None:
    """W21: a factory whose parameters say nothing aborts the start with the parameter's name."""

    @create_service_factory(service=store_ref)
    def factory(index) -> str:  # type: ignore[no-untyped-def]
        return str(index)

    with pytest.raises(BackendStartupError) as caught:
        await world.backend(factory).start()
    text = "DependencyDeclarationError: parameter 'index' of the factory of serviceRef{catalog.store} has no annotation"
    assert text in str(caught.value)
    assert isinstance(caught.value.__cause__, DependencyDeclarationError)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            DuplicatePluginError("a", ["one.py:1", "two.py:2"]),
            (
                "plugin 'a' was added 2 times, so no copy of it runs\n    one.py:1\n    two.py:2\n"
                "  hint: add it once; what differs between the copies belongs into options or modules"
            ),
        ),
        (
            DuplicateServiceError("a.b", "one.py:1", "two.py:2"),
            (
                "service 'a.b' is provided twice\n    first   one.py:1\n    second  two.py:2\n"
                "  hint: add one of them; a service that several may provide is created with multiton=True"
            ),
        ),
        (
            ReservedServiceError("core.pluginMetadata", place("one.py", 1)),
            (
                "service 'core.pluginMetadata' is built into the backend and cannot be provided or replaced"
                "   (one.py:1)\n  hint: remove this factory"
            ),
        ),
        (
            ServiceInUseError("a.b", place("one.py", 1)),
            (
                "service 'a.b' is in use already, so its factory comes too late   (one.py:1)\n"
                "  hint: add it with backend.add(), or from a feature loader that runs before anybody asks for it"
            ),
        ),
        (
            ScopeViolationError("service 'a'", store_ref, location=place("one.py", 1), hint="change it"),
            (
                "service 'a' is root-scoped, but depends on serviceRef{catalog.store}, which is plugin-scoped"
                "   (one.py:1)\n  hint: change it"
            ),
        ),
        (
            ServiceCycleError([[("a", place("one.py", 1)), ("b", None)]]),
            (
                "services wait for each other, so none of them can be created\n    'a' -> 'b' -> 'a'\n"
                "      'a' is provided at one.py:1\n"
                "  hint: let one of them ask for what it needs of the other when it is used, not when it is created"
            ),
        ),
    ],
)
def test_texts(error: WiringError, text: str) -> None:
    """W24, W27, W29, W30, W33, W62: each error says what is wrong, draws where, and ends with what to do."""
    assert str(error) == text


def test_conflicts_are_conflict_errors() -> None:
    """W33, W71: cycles are conflict errors, and every error of the container is a WiringError with a name."""
    assert issubclass(DependencyCycleError, ConflictError)
    assert issubclass(ServiceCycleError, ConflictError)
    error = MissingDependencyError("plugin 'a'", [store_ref])
    assert issubclass(MissingDependencyError, UnderstageError)
    assert (error.name, error.owner, error.missing) == ("MissingDependencyError", "plugin 'a'", (store_ref,))
