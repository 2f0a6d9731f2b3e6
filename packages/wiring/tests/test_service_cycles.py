import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.errors import ConflictError
from understage.plugin_api import ServiceFactory, create_service_factory, create_service_ref
from understage.wiring import (
    Backend,
    BackendStartupError,
    ServiceCreationError,
    ServiceCycleError,
    ServiceRegistry,
    UnexpectedStartupError,
)
from understage.wiring.graph.cycles import find_cycles

if TYPE_CHECKING:
    from packages.wiring.tests.conftest import World


class Thing:
    """A service that says where it came from."""

    def __init__(self, text: str) -> None:
        self.text = text


cycle_refs = [create_service_ref(Thing, id=f"cycle.{name}", scope="root") for name in "abc"]


def cycle_factories(*edges: tuple[int, int]) -> list[ServiceFactory[Thing]]:
    """Returns factories of which the first of each pair needs the second."""

    def factory_of(index: int) -> ServiceFactory[Thing]:
        deps = {f"d{to}": cycle_refs[to] for of, to in edges if of == index}

        @create_service_factory(service=cycle_refs[index], deps=deps)
        def factory(**things: Thing) -> Thing:
            return Thing(str(len(things)))

        return factory

    return [factory_of(index) for index in range(3)]


def test_cycles_are_found_at_construction() -> None:
    """W33: services that wait for each other are a conflict error that draws each cycle as a chain of quoted ids."""
    with pytest.raises(ServiceCycleError) as caught:
        Backend(cycle_factories((0, 1), (1, 2), (2, 0)))
    assert isinstance(caught.value, ConflictError)
    assert caught.value.cycles == (("cycle.a", "cycle.b", "cycle.c"),)
    assert "    'cycle.a' -> 'cycle.b' -> 'cycle.c' -> 'cycle.a'\n" in str(caught.value)


def test_several_cycles_are_all_listed() -> None:
    """W33: several cycles are all listed, and a service may be on its own cycle."""
    with pytest.raises(ServiceCycleError) as caught:
        Backend(cycle_factories((0, 0), (1, 2), (2, 1)))
    assert caught.value.cycles == (("cycle.a",), ("cycle.b", "cycle.c"))
    assert "'cycle.a' -> 'cycle.a'" in str(caught.value)


async def test_cycles_are_found_at_start(world: "World") -> None:
    """W33, W41: a cycle that explicitly added factories close aborts the start."""
    with pytest.raises(UnexpectedStartupError, match=r"'cycle.a' -> 'cycle.b' -> 'cycle.a'"):
        await world.backend(*cycle_factories((0, 1), (1, 0)), world.plugin("a")).start()
    assert world.journal == []


async def test_cycles_of_reference_defaults_are_found_when_needed(world: "World") -> None:
    """W33: factories that references name by default are not checked before; whoever needs them is told, not hung."""
    refs = [create_service_ref(Thing, id=f"loop.{name}") for name in "ab"]
    for index, ref in enumerate(refs):

        @create_service_factory(service=ref, deps={"other": refs[1 - index]})
        async def factory(other: Thing) -> Thing:
            return other

        ref.default_factory = factory
    with pytest.raises(ServiceCycleError):
        await _cause(ServiceRegistry().get(refs[0], "a"))
    with pytest.raises(BackendStartupError) as caught:
        await world.backend(world.plugin("a", deps={"thing": refs[0]}), world.plugin("b")).start()
    assert "'loop.a' -> 'loop.b' -> 'loop.a'" in str(caught.value)
    assert "b" in world.journal


async def _cause(awaitable: Any) -> None:
    try:
        await asyncio.wait_for(awaitable, 5)
    except ServiceCreationError as error:
        cause: BaseException | None = error
        while isinstance(cause, ServiceCreationError):
            cause = cause.__cause__
        assert cause is not None
        raise cause from None


Graph = dict[int, list[int]]
graphs = st.dictionaries(st.integers(0, 12), st.lists(st.integers(0, 12), max_size=4), max_size=12)


@given(graphs)
def test_every_cycle_found_is_one(graph: Graph) -> None:
    """W33: each cycle that is reported runs along edges of the graph and comes back to its beginning."""
    for cycle in find_cycles(graph):
        for node, following in zip(cycle, [*cycle[1:], cycle[0]], strict=True):
            assert following in graph[node]


@given(graphs)
def test_cycles_are_found_exactly_when_there_are_some(graph: Graph) -> None:
    """W33: something is reported if and only if the graph has a cycle."""
    assert bool(find_cycles(graph)) == any(
        _reaches(graph, following, node) for node in graph for following in graph[node]
    )


def _reaches(graph: Graph, start: int, goal: int) -> bool:
    seen: set[int] = set()
    pending = [start]
    while pending:
        node = pending.pop()
        if node == goal:
            return True
        if node not in seen:
            seen.add(node)
            pending.extend(graph.get(node, []))
    return False


def test_long_chains_need_no_recursion() -> None:
    """W33: a chain longer than Python's recursion limit is checked like any other."""
    chain = {node: [node + 1] for node in range(5000)}
    assert find_cycles(chain) == []
    chain[5000] = [0]
    assert len(find_cycles(chain)[0]) == 5001
