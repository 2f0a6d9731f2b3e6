"""How a process looks for garbage that reference counting leaves.

Only for a process that a backend has to itself: a test, or a backend inside of another program, keeps its settings.
"""

import gc

_ALLOCATIONS = 20_000
_YOUNG_ROUNDS = 20
_MIDDLE_ROUNDS = 50


def look_rarely() -> None:
    """Sets how many allocations it takes: the default is for small programs, and costs a start a tenth of its time."""
    gc.set_threshold(_ALLOCATIONS, _YOUNG_ROUNDS, _MIDDLE_ROUNDS)


def spare_what_is_there() -> None:
    """Leaves out all that exists by now: what a start creates stays, and would be looked through in vain each time."""
    gc.freeze()
