"""Errors in how the modules of a plugin hang together."""

from collections.abc import Sequence
from dataclasses import dataclass

from understage.errors import ConflictError
from understage.plugin_api import CodeLocation, ExtensionPoint
from understage.wiring.errors.base import WiringError, at


class ExtensionPointMisuseError(WiringError):
    """A feature asks for an extension point that it may not use.

    Attributes:
        owner: who asks, as messages name it.
        extension_point: what it asks for.
    """

    name = "ExtensionPointMisuseError"

    def __init__(
        self, owner: str, problem: str, extension_point: ExtensionPoint[object], *, path: Sequence[str], hint: str
    ) -> None:
        """Puts the owner before the problem."""
        super().__init__(f"{owner} {problem}", path=path, hint=hint)
        self.owner = owner
        self.extension_point = extension_point


@dataclass(frozen=True, slots=True)
class CycleLink:
    """One module on a cycle.

    Attributes:
        module_id: the module.
        provides: the extension point that it offers.
        location: where it registers that.
        needs: the extension point that it waits for, which the next module of the cycle offers.
    """

    module_id: str
    provides: str
    location: CodeLocation | None
    needs: str


class DependencyCycleError(WiringError, ConflictError):
    """Modules of a plugin wait for each other; counts as the plugin's failure.

    Attributes:
        plugin_id: the plugin.
        chain: the modules on the cycle, each waiting for the next and the last for the first.
    """

    name = "DependencyCycleError"

    def __init__(self, plugin_id: str, chain: Sequence[CycleLink]) -> None:
        """Draws the chain, aligned."""
        module_width = max(len(link.module_id) for link in chain) + 2
        provides_width = max(len(link.provides) for link in chain)
        path: list[str] = []
        for link in chain:
            module = f"'{link.module_id}'".ljust(module_width)
            path.append(f"module {module}  provides {link.provides.ljust(provides_width)}{at(link.location)}".rstrip())
            path.append(f"  needs {link.needs}")
        super().__init__(
            f"plugin '{plugin_id}' cannot start: its modules wait for each other"
            if len(chain) > 1
            else f"plugin '{plugin_id}' cannot start: its module '{chain[0].module_id}' waits for itself",
            path=path,
            hint="let one of them register its extension point without needing the other's"
            if len(chain) > 1
            else "keep the instance that it registers, instead of asking for it",
        )
        self.plugin_id = plugin_id
        self.chain = tuple(chain)
