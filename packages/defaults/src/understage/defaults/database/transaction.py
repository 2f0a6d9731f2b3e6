"""Transactions, with the same meaning in both dialects."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from types import TracebackType

from understage.defaults.database.channels import check_notification
from understage.defaults.database.errors import TransactionError
from understage.defaults.database.pool import SessionPool
from understage.defaults.database.session import Session
from understage.defaults.database.statements import Statements
from understage.plugin_api import Dialect

_SPOILED = (
    "a statement of this transaction failed, so nothing of it can be kept; let the error leave the block, or put the "
    "statement that may fail into a nested transaction"
)
_ENDED = "the transaction has ended; its connection cannot be used any more"


@dataclass(slots=True)
class _Shared:
    """What a transaction and those nested in it share."""

    session: Session
    spoiled: bool = False
    savepoints: int = 0


@dataclass(slots=True)
class _Block:
    """What the connection of a block and the scope that begins and ends it both know."""

    shared: _Shared
    is_open: bool = True
    notifications: list[tuple[str, str]] = field(default_factory=list)

    def usable_session(self) -> Session:
        """Returns the session; raises if no statement may run on it any more."""
        if not self.is_open:
            raise TransactionError(_ENDED)
        if self.shared.spoiled:
            raise TransactionError(_SPOILED)
        return self.shared.session


class OpenTransaction(Statements):
    """The connection that a transaction gives to its block."""

    def __init__(self, block: _Block) -> None:
        self._block = block

    @property
    def dialect(self) -> Dialect:
        """Which SQL is spoken."""
        return self._block.shared.session.dialect

    def transaction(self) -> AbstractAsyncContextManager[OpenTransaction]:
        """Opens a nested transaction, which can be rolled back alone."""
        return SavepointScope(self._block)

    async def notify(self, channel: str, payload: str = "") -> None:
        """Notifies all listeners of a channel when the transaction commits."""
        self._block.usable_session()
        check_notification(channel, payload)
        self._block.notifications.append((channel, payload))

    async def run_script(self, script: str) -> None:
        """Runs several statements at once."""
        session = self._block.usable_session()
        try:
            await session.run_script(script)
        except BaseException as error:
            self._fail(session, error)
            raise

    def _borrow_nowait(self, query: str | None = None) -> Session | None:
        return self._block.usable_session()

    async def _borrow(self, query: str | None = None) -> Session:
        return self._block.usable_session()

    def _give_back(self, session: Session) -> None:
        """The transaction keeps its session until it ends."""

    def _fail(self, session: Session, error: BaseException) -> None:
        self._block.shared.spoiled = True
        super()._fail(session, error)


class TransactionScope:
    """The block of a transaction: begins, then commits or rolls back.

    Args:
        pool: lends the session.
    """

    def __init__(self, pool: SessionPool) -> None:
        self._pool = pool
        self._block: _Block | None = None

    async def __aenter__(self) -> OpenTransaction:
        if self._block is not None:
            raise TransactionError("a transaction can be entered once; call transaction() again")
        session: Session = self._pool.acquire_nowait() or await self._pool.acquire()
        try:
            await session.begin()
        except BaseException as error:
            await self._pool.finish(session, self._roll_back(session))
            unavailable = session.unavailable(error)
            if unavailable is not None:
                raise unavailable from error
            raise
        self._block = _Block(_Shared(session))
        return OpenTransaction(self._block)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        block = self._block
        if block is None:
            raise TransactionError(_ENDED)
        block.is_open = False
        session, spoiled = block.shared.session, block.shared.spoiled
        if error is None and not spoiled:
            await self._pool.finish(session, self._commit(session, block.notifications))
        else:
            await self._pool.finish(session, self._roll_back(session))
            if error is None:
                raise TransactionError(_SPOILED)

    async def _commit(self, session: Session, notifications: list[tuple[str, str]]) -> None:
        try:
            await session.commit(notifications)
        except BaseException as error:
            await session.rollback()
            unavailable = session.unavailable(error)
            if unavailable is not None:
                raise unavailable from error
            raise
        finally:
            self._pool.release(session)

    async def _roll_back(self, session: Session) -> None:
        try:
            await session.rollback()
        finally:
            self._pool.release(session)


class SavepointScope:
    """The block of a nested transaction.

    Args:
        outer: the block around it.
    """

    def __init__(self, outer: _Block) -> None:
        self._outer = outer
        self._block: _Block | None = None
        self._name = ""

    async def __aenter__(self) -> OpenTransaction:
        if self._block is not None:
            raise TransactionError("a transaction can be entered once; call transaction() again")
        shared = self._outer.shared
        shared.savepoints += 1
        self._name = f"nested_{shared.savepoints}"
        await self._run("SAVEPOINT")
        self._block = _Block(shared)
        return OpenTransaction(self._block)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        block = self._block
        if block is None:
            raise TransactionError(_ENDED)
        block.is_open = False
        shared = block.shared
        if error is None and not shared.spoiled:
            await self._run("RELEASE SAVEPOINT")
            self._outer.notifications += block.notifications
            return
        spoiled, shared.spoiled = shared.spoiled, False
        await self._run("ROLLBACK TO SAVEPOINT")
        await self._run("RELEASE SAVEPOINT")
        if error is None and spoiled:
            raise TransactionError(_SPOILED)

    async def _run(self, action: str) -> None:
        session = self._outer.usable_session()
        try:
            await session.savepoint(action, self._name)
        except BaseException as error:
            self._outer.shared.spoiled = True
            unavailable = session.unavailable(error)
            if unavailable is not None:
                raise unavailable from error
            raise
