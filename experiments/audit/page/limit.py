"""How often a login may fail. A token cannot be guessed; this keeps whoever tries from keeping the server busy."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

MOST, SECONDS = 5, 60.0
_MOST_ADDRESSES = 10_000


@dataclass
class LoginLimit:
    """At most 5 failures in 60 seconds from one address; `clock` is monotonic, in seconds."""

    clock: Callable[[], float]
    _failures: dict[str, list[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, address: str) -> float:
        """Seconds until this address may try again; 0 where it may now."""
        with self._lock:
            recent = self._recent(address)
            return recent[0] + SECONDS - self.clock() if len(recent) >= MOST else 0.0

    def failed(self, address: str) -> None:
        """Note a failure."""
        with self._lock:
            if len(self._failures) >= _MOST_ADDRESSES:
                for other in list(self._failures):
                    self._recent(other)
            self._failures.setdefault(address, []).append(self.clock())

    def _recent(self, address: str) -> list[float]:
        since = self.clock() - SECONDS
        recent = [at for at in self._failures.get(address, ()) if at > since]
        if recent:
            self._failures[address] = recent
        else:
            self._failures.pop(address, None)
        return recent
