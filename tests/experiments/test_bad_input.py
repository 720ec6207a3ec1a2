"""What a person gets wrong is one clear line, exit code 2, no traceback, and nothing written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.experiments.commands import CONFIGS, invoke, oversight

LOOP = """
name: loop
steps:
  - {id: draft, role: base, agent: base}
  - {id: critic, role: critic, agent: critic}
  - {id: revise, role: reviser, agent: base}
edges:
  - {from: draft, to: critic}
  - {from: critic, to: release, when: {field: verdict, op: eq, value: accept}}
  - {from: critic, to: revise}
  - {from: revise, to: critic}
"""
LONELY = """
name: lonely
steps:
  - {id: draft, role: base, agent: base}
  - {id: critic, role: critic, agent: critic}
edges:
  - {from: draft, to: release}
  - {from: critic, to: release}
"""


def refused(config: Path, out: Path, sets: Sequence[str], *words: str, by: Callable[..., Any] = invoke) -> None:
    """The command fails with one line that has all the words, and leaves nothing behind."""
    result = by("run", config, "--out", out, sets=sets, expect=2)
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0], lines[0]
    assert not out.exists()


def test_an_unknown_key_names_file_line_and_the_accepted_ones(tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text((CONFIGS / "simulated.yaml").read_text().replace("seed: 3", "sede: 3"))
    refused(config, tmp_path / "run", [], "mine.yaml:", "sede", "seed")


@pytest.mark.parametrize(
    ("graph", "words"),
    [(LOOP, ("critic -> revise -> critic", "max_rounds")), (LONELY, ("critic", "cannot be reached"))],
)
def test_a_graph_that_cannot_run(graph: str, words: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "graph.yaml"
    path.write_text(graph)
    refused(CONFIGS / "simulated.yaml", tmp_path / "run", [f"arms.single.graph={path}"], *words)


def test_a_comparison_of_an_arm_with_itself(tmp_path: Path) -> None:
    given = "compare=[{a: single, b: single}]"
    refused(CONFIGS / "simulated.yaml", tmp_path / "run", [given], "compare[0].b", "compared with itself")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    refused(tmp_path / "none.yaml", tmp_path / "run", [], "none.yaml")
    refused(
        CONFIGS / "xstest.yaml", tmp_path / "run", [f"dataset.path={tmp_path}"], "xstest_prompts.csv", "no such file"
    )


def test_a_model_path_without_weights(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    sets = [f"agents.base.model.path={tmp_path / 'model'}", "execution.executor=local", "dataset.size=3"]
    refused(CONFIGS / "demo.yaml", tmp_path / "run", sets, "no weights", "model.safetensors", by=oversight)


def prompts(tmp_path: Path, data: bytes, name: str = "prompts.csv") -> list[str]:
    path = tmp_path / name
    path.write_bytes(data)
    return [f"dataset={{kind: file, path: {path}}}", "compare=[]"]


def test_a_csv_with_a_missing_column_an_empty_one_and_a_broken_line(tmp_path: Path) -> None:
    config, out = CONFIGS / "simulated.yaml", tmp_path / "run"
    refused(config, out, prompts(tmp_path, b"id,text\n1,hello\n"), "prompts.csv", "'prompt'", "text")
    refused(config, out, prompts(tmp_path, b"id,prompt\n"), "prompts.csv", "empty")
    refused(config, out, prompts(tmp_path, b"id,prompt\n1,a\n2,\xff\n"), "prompts.csv:3", "UTF-8")
    refused(config, out, prompts(tmp_path, b'{"id": 1, "prompt": "a"}\n{oops\n', "p.jsonl"), "p.jsonl:2")


def test_a_run_directory_of_another_config(tmp_path: Path) -> None:
    out = tmp_path / "run"
    invoke("run", CONFIGS / "simulated.yaml", "--out", out, sets=["dataset.size=50"])
    result = invoke("run", CONFIGS / "simulated.yaml", "--out", out, sets=["dataset.size=60"], expect=2)
    assert "another config" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unknown_case_arm_and_verdict(tmp_path: Path) -> None:
    out = tmp_path / "run"
    invoke("run", CONFIGS / "simulated.yaml", "--out", out, sets=["dataset.size=50", "auditor={kind: human}"])
    assert "no case" in invoke("show", out, "nobody", expect=2).stderr
    assert "accept" in invoke("audit", "decide", out, "1", "maybe", expect=2).stderr
    assert "Traceback" not in invoke("resume", tmp_path, expect=2).stderr
