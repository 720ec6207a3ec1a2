"""Public export: the visible layer of datasets, and nothing that was made from the hidden one.

Kept are the conversations, a label, and of the lineage what says where a row is from. Weights, margins, soft labels,
agreement and the principles that were flagged come from reviewers' scores and flags, and stay at home.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from constitutions.errors import InputError
from training.datasets.rows import Row
from training.files import read_rows
from training.lineage import VISIBLE
from training.whole import write_whole

COLUMNS = ("prompt", "completion", "chosen", "rejected", "label")
LINEAGE = ("run", "arm", "case_id", "outcome", "epoch", "layer")


def public_row(row: Row) -> dict[str, Any]:
    """What may be published of a row. Raises InputError for a row of the hidden layer."""
    if row.lineage.layer != VISIBLE:
        raise InputError(f"{row.lineage.where}: is of the {row.lineage.layer} layer, which is never exported")
    data, lineage = row.to_dict(), row.lineage.to_dict()
    return {name: data[name] for name in COLUMNS if name in data} | {"lineage": {key: lineage[key] for key in LINEAGE}}


def export(paths: Sequence[Path], out: Path) -> list[tuple[Path, int]]:
    """Write the public part of dataset files as JSONL into the folder `out`; gives each new file and its rows.

    Stale rows are left out. All files are read before one is written. Raises InputError for rows of the hidden layer,
    for two files of one name, and for a file that is there already.
    """
    found: dict[Path, list[dict[str, Any]]] = {}
    for path in paths:
        target = out / f"{path.stem}.jsonl"
        if target in found or target.exists():
            raise InputError(f"{target}: is there already; expected a new folder, and files with different names")
        try:
            found[target] = [public_row(row) for row in read_rows(path) if not row.lineage.stale]
        except InputError as error:
            raise InputError(str(error) if str(path) in str(error) else f"{path}: {error}") from None
    for target, rows in found.items():
        text = "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
        write_whole(target, lambda temporary, text=text: temporary.write_text(text, encoding="utf-8"))  # type: ignore[misc]
    return [(target, len(rows)) for target, rows in found.items()]
