"""Many small objects made at once: the collector of cycles, which would walk them again and again, waits."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause Python's cyclic garbage collector. Also a decorator; what nests in it leaves the collector paused."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
