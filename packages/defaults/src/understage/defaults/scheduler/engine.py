"""Runs the tasks of one store: one loop for all of them, which looks what is due."""

from __future__ import annotations

import asyncio
import random
import uuid
from datetime import datetime, timedelta

from understage.defaults.scheduler.cadence import first_start, start_after
from understage.defaults.scheduler.run import Outcome, Run, error_json
from understage.defaults.scheduler.store import Poll, PolledTask, Refusal, TaskState, TaskStore
from understage.defaults.scheduler.store_clock import StoreClock
from understage.defaults.scheduler.task import Task
from understage.defaults.scheduler.task_metrics import TaskMetrics
from understage.errors import UnderstageError
from understage.plugin_api import LoggerService, TaskScope

POLL_SECONDS = 5.0
RETRY_SECONDS = 1.0
# However much is going on, the store is not asked more often.
PAUSE_SECONDS = 0.05
# After the store's clock jumped ahead, tickets of living replicas look expired until these have noticed it, too.
TRUST_SECONDS = 2 * POLL_SECONDS
STOP_SECONDS = 10.0
CLAIMS_AT_ONCE = 5
# How much longer than a run its claim lasts, so that a run that is aborted has ended before another begins; and how
# much longer still if it is slow to end.
GRACE_SECONDS = 2.0
SLOW_END_SECONDS = 30.0


class TaskEngine:
    """Runs tasks as they come due, and aborts runs whose claim is gone.

    Args:
        store: what the replicas share.
        logger: where failures of runs go.
        scope: whether replicas share the store; metrics tell it.
        metrics: measures runs.
    """

    def __init__(
        self, store: TaskStore, logger: LoggerService, scope: TaskScope = "global", metrics: TaskMetrics | None = None
    ) -> None:
        self._scope: TaskScope = scope
        self._metrics = metrics
        self._store = store
        self._logger = logger
        self._clock = StoreClock()
        self._tasks: dict[str, Task] = {}
        self._runs: dict[str, Run] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None
        self._started = False
        self._stopping = False
        self._failing = False
        self._trust_again_at = 0.0
        # Of claims whose answer got lost: they may have been granted.
        self._doubtful: set[str] = set()
        self._changed = asyncio.Event()
        self._rhythm = POLL_SECONDS

    @property
    def tasks(self) -> list[Task]:
        """The tasks of this process, in the order of scheduling."""
        return list(self._tasks.values())

    def is_running_here(self, task_id: str) -> bool:
        """Tells whether this process runs a task at the moment."""
        return task_id in self._runs

    async def now(self) -> datetime:
        """Returns the store's time."""
        if not self._clock.known:
            asked_at = self._clock.monotonic()
            self._clock.set(await self._store.now(), asked_at)
        return self._clock.now()

    async def add(self, task: Task) -> None:
        """Schedules a task, or gives it new settings."""
        now = await self.now()
        first = first_start(task.frequency, task.initial_delay, now)
        again = start_after(task.frequency, None, now)
        await self._store.save(task.id, task.settings_json(), first, again)
        self._tasks[task.id] = task
        if isinstance(task.frequency, timedelta):
            self._rhythm = min(self._rhythm, task.frequency.total_seconds())
        if task.signal is not None:
            task.signal.add_callback(lambda: self._forget(task))
        self._wake()

    async def trigger(self, task_id: str) -> Refusal | None:
        """Makes a task due now, or says why not."""
        refusal = await self._store.trigger(task_id)
        self._wake()
        return refusal

    async def cancel(self, task_id: str) -> Refusal | None:
        """Takes the claim of a running task away, or says why not. The run's process notices; this one does at once."""
        run = self._runs.get(task_id)
        refusal = await self._store.cancel(task_id, error_json(UnderstageError("Task was cancelled")))
        if refusal is None and run is not None:
            run.abort("lost")
        return refusal

    async def read(self) -> dict[str, TaskState]:
        """Returns the state of all tasks by id."""
        return {state.id: state for state in await self._store.read()}

    def start(self) -> None:
        """Begins to run tasks."""
        self._started = True
        self._wake()

    async def stop(self) -> None:
        """Aborts all runs, gives back their claims, and runs no more."""
        self._stopping = True
        self._changed.set()
        self._abort_all()
        if self._loop is not None:
            # Not cancelled unless it hangs: a claim that it is about to get would stay behind.
            await asyncio.wait([self._loop], timeout=STOP_SECONDS)
            self._loop.cancel()
        self._abort_all()
        if self._running:
            await asyncio.wait(self._running, timeout=STOP_SECONDS)
        for task_id in self._runs:
            message = f"Task {task_id} goes on although it was told to stop; its claim stays until it expires"
            self._logger.warning(message, task=task_id)

    def _abort_all(self) -> None:
        for run in list(self._runs.values()):
            run.abort("shutdown")

    def _forget(self, task: Task) -> None:
        if self._tasks.get(task.id) is task:
            del self._tasks[task.id]

    def _wake(self) -> None:
        self._changed.set()
        # A plugin without tasks of this kind has no loop.
        if self._started and self._tasks and self._loop is None and not self._stopping:
            self._loop = asyncio.create_task(self._poll_for_ever(), name="scheduler")

    async def _poll_for_ever(self) -> None:
        while not self._stopping:
            self._changed.clear()
            try:
                seconds = await self._step()
            except Exception as error:  # noqa: BLE001 - an unreachable database must not end the scheduling for good
                seconds = RETRY_SECONDS
                self._report_failure(error)
            else:
                self._failing = False
            await asyncio.sleep(PAUSE_SECONDS)
            try:
                async with asyncio.timeout(max(0.0, seconds - PAUSE_SECONDS)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _report_failure(self, error: Exception) -> None:
        if not self._failing:
            message = f"The scheduler cannot reach its tasks and tries again every second: {error}"
            self._logger.error(message, error=error)
        self._failing = True

    async def _step(self) -> float:
        """Does what is to be done now, and returns after how many seconds there may be more."""
        held = list(self._runs.values())
        asked_at = self._clock.monotonic()
        poll = await self._store.poll(POLL_SECONDS)
        await self._follow_clock(poll.now, asked_at)
        self._abort_lost(held, poll)
        waits = [self._rhythm]
        due: list[PolledTask] = []
        for seen in poll.tasks:
            if seen.ticket is not None:
                waits.append(await self._watch_ticket(seen))
            elif seen.id in self._tasks and seen.id not in self._runs and seen.next_start is not None:
                wait = (seen.next_start - poll.now).total_seconds()
                waits.append(wait)
                if wait <= 0:
                    due.append(seen)
        # Replicas that see the same tasks get in each other's way less when each goes by an order of its own.
        random.shuffle(due)
        for batch in (due[start : start + CLAIMS_AT_ONCE] for start in range(0, len(due), CLAIMS_AT_ONCE)):
            await asyncio.gather(*(self._try_to_run(seen) for seen in batch))
        return min(wait for wait in waits if wait > 0)

    async def _follow_clock(self, now: datetime, asked_at: float) -> None:
        jump = self._clock.set(now, asked_at).total_seconds()
        if jump > 0:
            self._trust_again_at = asyncio.get_running_loop().time() + TRUST_SECONDS
        if jump < 0:
            self._logger.warning("The clock was set back, so tasks are planned anew", seconds=-jump)
            latest = [(task.id, _latest_start(task, now)) for task in self._tasks.values()]
            await self._store.bring_forward([(task_id, start) for task_id, start in latest if start is not None])

    def _abort_lost(self, held: list[Run], poll: Poll) -> None:
        tickets = {seen.ticket for seen in poll.tasks}
        for run in held:
            if run.ticket not in tickets and not run.reporting and not run.aborted:
                message = f"Task {run.task.id} is not claimed by this process any more, so its run is aborted"
                self._logger.info(message, task=run.task.id)
                run.abort("lost")

    async def _watch_ticket(self, seen: PolledTask) -> float:
        """Frees a ticket that has expired, and returns after how many seconds to look again."""
        assert seen.id is not None  # noqa: S101 - the row that only tells the time is left out of a poll
        assert seen.ticket is not None  # noqa: S101 - the caller looked
        assert seen.expires_at is not None  # noqa: S101 - set together with the ticket
        if seen.ticket in self._doubtful:
            await self._store.release(seen.id, seen.ticket)
            self._doubtful.discard(seen.ticket)
            self._changed.set()
            return POLL_SECONDS
        left = (seen.expires_at - seen.now).total_seconds()
        if left > 0:
            return left
        here = self._runs.get(seen.id)
        loop = asyncio.get_running_loop()
        if here is not None and here.ticket == seen.ticket and not here.aborted:
            # Our own clock says that there is time left: the store's has jumped.
            await self._store.extend(seen.id, seen.ticket, max(here.deadline - loop.time(), 0) + GRACE_SECONDS)
            return POLL_SECONDS
        if loop.time() < self._trust_again_at:
            return self._trust_again_at - loop.time()
        error = UnderstageError(f"Task {seen.id} timed out: the process that ran it did not report its end")
        if await self._store.free_expired(seen.id, seen.ticket, error_json(error)):
            message = f"Task {seen.id} was claimed by a process that is gone; it is run anew"
            self._logger.warning(message, task=seen.id)
        self._changed.set()
        return POLL_SECONDS

    async def _try_to_run(self, seen: PolledTask) -> None:
        task = self._tasks.get(seen.id or "")
        if task is None or self._stopping:
            return
        ticket = str(uuid.uuid4())
        seconds = task.timeout.total_seconds()
        # Taken before the claim, so that our deadline comes before that of the store.
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            granted = await self._store.claim(task.id, ticket, seconds + GRACE_SECONDS)
        except BaseException:
            self._doubtful.add(ticket)
            raise
        if granted:
            self._start_run(Run(task, ticket, seen.next_start, deadline))

    def _start_run(self, run: Run) -> None:
        self._runs[run.task.id] = run
        work = asyncio.create_task(self._carry_out(run), name=f"run {run.task.id}")
        self._running.add(work)
        work.add_done_callback(self._running.discard)

    async def _carry_out(self, run: Run) -> None:
        slow_end = asyncio.get_running_loop().call_at(run.deadline + GRACE_SECONDS / 5, self._keep_claim, run)
        try:
            outcome = await self._execute(run)
            run.reporting = True
            slow_end.cancel()
            if outcome.error is not None:
                message = f"Task {run.task.id} failed: {outcome.error}"
                self._logger.error(message, error=outcome.error, task=run.task.id)
            await self._report(run, outcome)
        finally:
            del self._runs[run.task.id]
            self._changed.set()

    async def _execute(self, run: Run) -> Outcome:
        if self._metrics is None:
            return await run.execute()
        with self._metrics.run(run.task.id, self._scope) as outcomes:
            outcomes.append(await run.execute())
        return outcomes[0]

    def _keep_claim(self, run: Run) -> None:
        """Keeps others from beginning while a run that was told to stop has not ended yet, but not for ever."""
        message = f"Task {run.task.id} timed out but has not ended yet"
        self._logger.warning(message, task=run.task.id)
        work = asyncio.create_task(self._extend(run))
        self._running.add(work)
        work.add_done_callback(self._running.discard)

    async def _extend(self, run: Run) -> None:
        try:
            await self._store.extend(run.task.id, run.ticket, SLOW_END_SECONDS)
        except Exception as error:  # noqa: BLE001 - the claim then ends as it would have
            self._report_failure(error)

    async def _report(self, run: Run, outcome: Outcome) -> None:
        """Ends the claim; while the store is out of reach, until the claim has ended by itself."""
        while outcome.kind != "lost":
            try:
                await self._end_claim(run, outcome)
                return
            except Exception as error:  # noqa: BLE001 - without this the task would be lost until its claim expires
                self._report_failure(error)
            if self._stopping or asyncio.get_running_loop().time() > run.deadline:
                return
            await asyncio.sleep(RETRY_SECONDS)

    async def _end_claim(self, run: Run, outcome: Outcome) -> None:
        if outcome.kind == "interrupted":
            await self._store.release(run.task.id, run.ticket)
            return
        # The settings may have changed during the run.
        task = self._tasks.get(run.task.id, run.task)
        next_start = start_after(task.frequency, run.scheduled, self._clock.now())
        await self._store.finish(run.task.id, run.ticket, next_start, outcome.error_json)


def _latest_start(task: Task, now: datetime) -> datetime | None:
    if task.initial_delay and isinstance(task.frequency, timedelta):
        return now + max(task.initial_delay, task.frequency)
    return start_after(task.frequency, None, now)
