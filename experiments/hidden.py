"""What overseers wrote about the example cases of a run, kept apart from what may be shown."""

from __future__ import annotations

import json
from pathlib import Path

from constitutions.errors import InputError
from constitutions.files import read_text, write_atomically
from experiments.results.run import RunResults
from experiments.results.transcripts import Turn

HIDDEN_FILE = "hidden.json"


def public(results: RunResults) -> RunResults:
    """The results without the hidden layer: what overseers wrote about the example cases."""
    shown = tuple(transcript.model_copy(update={"hidden": ()}) for transcript in results.transcripts)
    return results.model_copy(update={"transcripts": shown})


def write_hidden(results: RunResults, run_directory: Path) -> None:
    """Write what overseers wrote about the example cases into `hidden.json`, beside the results and not in them."""
    hidden = [[turn.model_dump() for turn in transcript.hidden] for transcript in results.transcripts]
    write_atomically(
        run_directory / HIDDEN_FILE, json.dumps({"layer": "hidden", "transcripts": hidden}, indent=1) + "\n"
    )


def with_hidden(results: RunResults, run_directory: Path) -> RunResults:
    """The results of a run directory with what `write_hidden` wrote. Raises InputError where it is not there."""
    path = run_directory / HIDDEN_FILE
    try:
        hidden = [tuple(Turn(**turn) for turn in turns) for turns in json.loads(read_text(path))["transcripts"]]
        pairs = zip(results.transcripts, hidden, strict=True)
        shown = tuple(transcript.model_copy(update={"hidden": turns}) for transcript, turns in pairs)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: {error}; expected what the run wrote; `oversight resume` writes it again") from None
    return results.model_copy(update={"transcripts": shown})
