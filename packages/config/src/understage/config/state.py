"""The present value of a configuration, shared by all its readers."""

import logging
from collections.abc import Callable
from typing import TypeAlias

from understage.config.node import Node

Callback: TypeAlias = Callable[[], None]

logger: logging.Logger = logging.getLogger("understage.config")


class Subscription:
    """What `Config.subscribe` returns."""

    def __init__(self, cancel: Callback) -> None:
        self._cancel = cancel

    def unsubscribe(self) -> None:
        """Ends the subscription; more than once does no harm."""
        self._cancel()


class ConfigState:
    """Holds the tree and tells subscribers when another one takes its place.

    Args:
        root: the first tree.
        sources: the names of the sources it was merged from, lowest priority first.
    """

    def __init__(self, root: Node, sources: tuple[str, ...]) -> None:
        self.root: Node = root
        self.sources: tuple[str, ...] = sources
        self._callbacks: dict[object, Callback] = {}

    def subscribe(self, callback: Callback) -> Subscription:
        """Calls back after each replacement, until the subscription ends."""
        token = object()
        self._callbacks[token] = callback
        return Subscription(lambda: self._forget(token))

    def _forget(self, token: object) -> None:
        self._callbacks.pop(token, None)

    def replace(self, root: Node, sources: tuple[str, ...]) -> None:
        """Puts another tree in place and tells all subscribers; one that fails is logged and harms no other."""
        self.root = root
        self.sources = sources
        for token, callback in list(self._callbacks.items()):
            if token not in self._callbacks:
                continue
            try:
                callback()
            except Exception:
                # A subscriber is foreign code, and the others must hear of the change.
                logger.exception("A subscriber failed on a change of the configuration; it keeps what it had")
