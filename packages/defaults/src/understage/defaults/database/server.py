"""What the databases on one server share."""

import asyncio
from dataclasses import dataclass, field

from understage.defaults.database.budget import ConnectionBudget


@dataclass(eq=False, slots=True)
class DatabaseServer:
    """A server, as far as this process shares it between plugins.

    Attributes:
        connections: how many may be open together.
        creating: held while a database or schema is created, since servers do not like two at once.
    """

    connections: ConnectionBudget
    creating: asyncio.Lock = field(default_factory=asyncio.Lock)
