"""Cycles in a directed graph."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def find_cycles(edges: Mapping[Node, Sequence[Node]]) -> list[list[Node]]:
    """Returns cycles of a graph, each as the nodes it runs through; none if there is none.

    Every node that lies on a cycle is looked at once, so a knot of cycles yields some of them, not all. It takes time
    linear in the size of the graph.

    Args:
        edges: successors by node; successors that are no keys are ignored.
    """
    finished: set[Node] = set()
    cycles: list[list[Node]] = []
    for start in edges:
        if start in finished:
            continue
        trail: list[Node] = [start]
        position = {start: 0}
        pending = [iter(edges[start])]
        while pending:
            successor = next(pending[-1], None)
            if successor is None:
                pending.pop()
                node = trail.pop()
                del position[node]
                finished.add(node)
            elif successor in position:
                cycles.append(trail[position[successor] :])
            elif successor in edges and successor not in finished:
                position[successor] = len(trail)
                trail.append(successor)
                pending.append(iter(edges[successor]))
    return cycles
