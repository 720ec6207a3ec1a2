"""Reading text that a person wrote, and writing text so that nobody reads a part of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from constitutions.errors import InputError


def read_text(path: Path) -> str:
    """The UTF-8 text of `path`, without a byte order mark.

    Raises InputError when the file is missing, cannot be read, or has a byte that is not UTF-8 (naming its line).
    """
    with _readable(path):
        data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_text(path, data.count(b"\n", 0, error.start) + 1, data[error.start]) from None


def read_lines(path: Path) -> Iterator[str]:
    """The lines of `path`, one at a time and without their ends. Raises InputError as `read_text` does."""
    with _readable(path), path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield line.removesuffix(b"\n").decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise _not_text(path, number, line[error.start]) from None


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected the path of an existing file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; expected the path of a file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected a readable file") from None


def _not_text(path: Path, line: int, byte: int) -> InputError:
    return InputError(f"{path}:{line}: byte 0x{byte:02x} is not UTF-8; expected UTF-8 text")


def write_atomically(path: Path, text: str) -> None:
    """Write UTF-8 text to `path` so that a reader sees the old file or the whole new one, never a part."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
