"""Files that are there whole or not at all: written under a temporary name, synced and renamed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` to write to, which is synced and renamed to `path` at the end.

    After an error neither is left, nor a folder that was made for it.
    """
    made = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        for folder in made:
            with suppress(OSError):  # another file is in it
                folder.rmdir()
        raise
    _sync_folder(path.parent)


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill the file."""
    with whole(path) as temporary:
        write(temporary)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
