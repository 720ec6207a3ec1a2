"""A guard against another distribution's package standing in front of one of our rooms.

Our rooms are plain top-level packages, and `agents` is also the import name of openai-agents. Code of a shadowed
package cannot run, so the check lives here and is called by the rooms that import `agents` and by the command line.
"""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

from constitutions.errors import InputError

ROOMS = ("agents", "constitutions", "experiments", "hierarchy", "training")
"""The five packages of this program."""

_HOUSE = Path(__file__).resolve().parent.parent


def shadow_of(room: str) -> Path | None:
    """Where Python finds `room` when that is not beside this package; None when it finds ours.

    Nothing is imported: only the import system's answer is looked at.
    """
    spec = find_spec(room)
    if spec is None:
        return _HOUSE / room if not (_HOUSE / room).is_dir() else None
    place = _directory(spec)
    return None if place == _HOUSE / room else place


def require_our_agents() -> None:
    """Raise InputError, naming the distribution in the way, when `import agents` would load somebody else's package."""
    place = shadow_of("agents")
    if place is None:
        return
    owners = ", ".join(owners_of("agents")) or "no installed distribution"
    raise InputError(
        f"the package 'agents' would be loaded from {place} (owner: {owners}) instead of {_HOUSE / 'agents'}; "
        "remove that distribution from this environment (pip uninstall openai-agents, if it is that one), take its "
        "folder off PYTHONPATH, or use an environment of its own: make env"
    )


def owners_of(room: str) -> list[str]:
    """Names of the other installed distributions that bring a top-level package called `room`."""
    from importlib import metadata  # a tenth of the command line's start-up time, needed only when something is wrong

    return sorted({name for name in metadata.packages_distributions().get(room, []) if name != "oversight-simulator"})


def _directory(spec: ModuleSpec) -> Path:
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).resolve()
    return Path(spec.origin or spec.name).resolve()
