"""Reading text that a person wrote."""

from __future__ import annotations

from pathlib import Path

from constitutions.errors import InputError


def read_text(path: Path) -> str:
    """The UTF-8 text of `path`, without a byte order mark.

    Raises InputError when the file is missing, cannot be read, or has a byte that is not UTF-8 (naming its line).
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected the path of an existing file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; expected the path of a file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected a readable file") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}:{line}: byte 0x{data[error.start]:02x} is not UTF-8; expected UTF-8 text") from None
