"""Sets and prompts from files of several shapes, and what is said of one that has none of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.records import Settlement
from constitutions.errors import InputError
from training.checks.columns import columns_of
from training.checks.hidden import hidden_states
from training.checks.reading import read_prompts, read_set
from training.datasets import preference_rows
from training.files import write_jsonl, write_parquet

MESSAGES = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "good day"}]


def jsonl(path: Path, *rows: Any) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "hello", "completion": "good day"},
        {"prompt": MESSAGES[:1], "completion": MESSAGES[1:]},
        {"prompt": "hello", "chosen": "good day", "rejected": "go away"},
        {"messages": MESSAGES},
        {"chosen": MESSAGES, "rejected": MESSAGES},
        {"chosen": "\n\nHuman: hello\n\nAssistant: good day", "rejected": "\n\nHuman: hello\n\nAssistant: no"},
    ],
)
@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_every_shape_gives_prompt_and_answer(row: dict[str, Any], suffix: str, tmp_path: Path) -> None:
    path = jsonl(tmp_path / f"set{suffix}", row)
    found = read_set(path)
    assert (found.prompts, found.answers, found.names) == (("hello",), ("good day",), ("row 1",))
    assert read_prompts(path) == ["hello"]


def test_this_programs_rows_come_back_from_both_their_files_without_stale_ones(
    corrected: Callable[[int], list[Settlement]], tmp_path: Path
) -> None:
    rows = preference_rows(corrected(5), "run")
    rows[2] = replace(rows[2], lineage=rows[2].lineage._replace(stale=True))
    write_jsonl(rows, tmp_path / "rows.jsonl")
    write_parquet(rows, tmp_path / "rows.parquet")
    found = read_set(tmp_path / "rows.jsonl")
    assert found == read_set(tmp_path / "rows.parquet") == columns_of(rows)
    assert found.names == tuple(f"panel / case00{i}" for i in (0, 1, 3, 4))
    assert found.answers[0] == rows[0].chosen[0].content
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match=r"broken\.parquet: .*expected rows"):
        read_set(tmp_path / "broken.parquet")
    jsonl(tmp_path / "half.jsonl", {"prompt": "a", "completion": "b", "lineage": {"run": "x"}})
    with pytest.raises(InputError, match="row 1: its lineage cannot be read"):
        read_set(tmp_path / "half.jsonl")


def test_turns_before_the_last_are_the_prompt(tmp_path: Path) -> None:
    said = "\n\nHuman: one\n\nAssistant: two\n\nHuman: three\n\nAssistant: four"
    found = read_set(jsonl(tmp_path / "set.jsonl", {"id": "x", "chosen": said}))
    assert (found.prompts, found.answers, found.names) == (("one\ntwo\nthree",), ("four",), ("x",))


def test_prompts_alone_are_enough_for_an_evaluation_set(tmp_path: Path) -> None:
    (tmp_path / "prompts.csv").write_text("id,prompt\n1,how are you\n")
    assert read_prompts(tmp_path / "prompts.csv") == ["how are you"]
    with pytest.raises(InputError, match=r"prompts\.csv: row 1 has id, prompt; expected rows of this program"):
        read_set(tmp_path / "prompts.csv")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"text": "a"}, "row 1 has text; expected rows of this program"),
        ({"messages": MESSAGES[:1]}, "row 1 is a conversation of 1 turns; expected prompt and answer"),
        ({"prompt": 3, "completion": "x"}, "row 1: '3' is neither text nor messages"),
        ({"prompt": [{"text": "x"}], "completion": "x"}, "is neither text nor messages"),
    ],
)
def test_a_row_of_no_known_shape_is_named(row: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        read_set(jsonl(tmp_path / "set.jsonl", row))


def test_a_broken_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "set.jsonl.gz").write_bytes(b"not gzip")
    with pytest.raises(InputError, match=r"set\.jsonl\.gz:1: .*expected rows"):
        read_set(tmp_path / "set.jsonl.gz")
    with pytest.raises(InputError, match="no such file"):
        read_set(tmp_path / "nowhere.jsonl.gz")
    with pytest.raises(InputError, match="the file is empty"):
        read_set(jsonl(tmp_path / "empty.jsonl.gz"))


def test_hidden_states_are_those_of_the_model_alone_with_each_text(tiny: Path) -> None:
    """Batches and padding change nothing; the mean is over the text's own tokens."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    texts = ["yes a", "no b c d e f", "what is the a of b : . . a b c d e", ""]
    found = hidden_states(tiny, 8, texts)
    model, tokenizer = AutoModel.from_pretrained(tiny), AutoTokenizer.from_pretrained(tiny)
    for text, vector in zip(texts, found, strict=True):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"][:8] or [tokenizer.eos_token_id]
        with torch.inference_mode():
            alone = model(input_ids=torch.tensor([ids])).last_hidden_state[0].mean(0)
        assert vector == pytest.approx(alone.numpy(), abs=1e-5)
    assert np.linalg.norm(found, axis=1).min() > 0
