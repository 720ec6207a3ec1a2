"""Figures that take a while, kept for a moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

SECONDS = 10.0


@dataclass
class Kept:
    """Values by name, made anew once they are 10 seconds old, one at a time; `clock` is monotonic, in seconds."""

    clock: Callable[[], float]
    _made: dict[Any, tuple[float, Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, name: Any, make: Callable[[], Any]) -> Any:
        """The value of this name."""
        with self._lock:
            since = self.clock() - SECONDS
            self._made = {key: kept for key, kept in self._made.items() if kept[0] > since}
            if name not in self._made:
                self._made[name] = (self.clock(), make())
            return self._made[name][1]
