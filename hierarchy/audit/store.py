"""What the parts of the queue share: the database of one run, and the doors to it that stand on their own."""

from __future__ import annotations

from sqlalchemy import Engine

from hierarchy.audit.access import Access
from hierarchy.audit.desk import Desk
from hierarchy.audit.drafts import Drafts
from hierarchy.audit.gold import GoldCases
from hierarchy.audit.trail import Trail
from hierarchy.database import InDatabase


class Store(InDatabase):
    """The database in which the cases of one run wait. `seed` keys the order among items that are equal otherwise."""

    def __init__(self, engine: Engine, run: str, seed: int) -> None:
        super().__init__(engine)
        self._run, self._seed = run, seed
        self.trail = Trail(engine, run)
        self.gold = GoldCases(engine, run, seed)
        self.drafts = Drafts(engine, run)
        self.desk = Desk(engine, run)
        self.access = Access(engine, run)

    @property
    def run(self) -> str:
        """The name of the run whose cases these are."""
        return self._run

    @property
    def engine(self) -> Engine:
        """The database, for those who read more of it."""
        return self._engine
