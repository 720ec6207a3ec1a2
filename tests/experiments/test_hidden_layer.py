"""Canaries planted in every critique of a whole run: none is in a public file, page, dataset, export, screen or log.

A run directory's files are public but for those named in `HIDDEN`, and each of those must have the canary, so that a
canary that nobody planted does not pass for one that nobody leaked.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from experiments.cli import app
from experiments.config import load_experiment
from experiments.run import Finished, run_experiment
from hierarchy.records import KEYS, schema
from tests.experiments.commands import CONFIGS, SMALL_DEMO
from tests.experiments.scripted_runs import run as scripted_run
from tests.experiments.scripted_runs import scripted
from tests.hierarchy.canary import CANARY

HIDDEN = {"journal.sqlite", "audit.sqlite", "records/hidden.parquet", "hidden.json", "report-hidden.html"}
GRAPH = """
name: direct
steps:
  - {id: draft, role: base, agent: base}
  - {id: screen, role: safety, agent: critic}
  - {id: critic, role: critic, agent: critic, reads: [screen]}
  - {id: second, role: critic, agent: critic, subject: critic, reads: [critic]}
  - {id: revise, role: reviser, agent: base}
  - {id: human, role: auditor, agent: auditor}
edges:
  - {from: draft, to: screen}
  - {from: screen, to: critic}
  - {from: critic, to: second}
  - {from: second, to: release, when: {field: verdict, op: eq, value: accept}}
  - {from: second, to: revise, when: {field: verdict, op: eq, value: revise}}
  - {from: revise, to: human}
  - {from: human, to: release, when: {field: verdict, op: in, value: [accept, revise]}}
  - {from: human, to: refuse, when: {field: verdict, op: eq, value: reject}}
fallback: human
"""


def text_of(path: Path) -> str:
    """Everything a reader of the file could find in it."""
    if path.suffix == ".parquet":
        return repr(pq.read_table(path).to_pylist()) + repr(pq.read_schema(path).metadata)
    data = path.read_bytes()
    return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8", "replace")


def leaking(folder: Path) -> set[str]:
    """The files of a folder that have the canary."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)) for path in files if CANARY in text_of(path)}


def said(*words: str | Path, expect: int = 0) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == expect, result.output
    return result.output


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that drafts, is criticised, revises, samples, is decided, trains and evaluates, by its commands."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "direct.yaml").write_text(GRAPH)
    _, critic = scripted("tests.hierarchy.canary")
    kept = [one for one in SMALL_DEMO if one.startswith(("ladder", "compare"))]
    sets = (
        *kept,
        f"arms={{direct: {{graph: {folder / 'direct.yaml'}}}}}",
        f"agents.critic={json.dumps(critic)}",
        "auditor={kind: human}",
        "dataset.size=24",
        "execution={executor: local, schedule: shards}",
        "training=[{name: sft, data: sft, train: {method: sft, max_steps: 2, batch_size: 4}}]",
        "evaluation={agent: base, validation: 4, test: 4}",
        "audit_sample={budget: 4}",
    )
    words = [word for one in sets for word in ("--set", one)]
    assert CANARY not in said("run", CONFIGS / "demo.yaml", "--out", folder / "run", *words)
    cases = [json.loads(line)["case_id"] for line in said("audit", "export", folder / "run").splitlines()]
    for case, verdict in zip(cases, ("accept", "reject"), strict=False):
        assert CANARY not in said("audit", "decide", folder / "run", case, verdict, "--auditor", "ann")
    return folder / "run"


def test_no_public_file_of_a_run_has_a_canary(whole: Path) -> None:
    said("report", whole, "--figures", "svg")
    said("report", whole, "--hidden")
    files = {str(path.relative_to(whole)) for path in whole.rglob("*") if path.is_file()}
    for name in ("results.json", "report.html", "run.log", "data/arms.csv", "datasets/direct/sft.jsonl", "config.yaml"):
        assert name in files
    assert any(name.startswith("figures/") for name in files)
    assert any(name.startswith("checkpoints/") for name in files)
    assert leaking(whole) == HIDDEN


def test_no_dataset_that_does_not_declare_itself_hidden_has_one(whole: Path) -> None:
    lines = [json.loads(line) for path in whole.glob("datasets/**/*.jsonl") for line in path.read_text().splitlines()]
    assert len(lines) > 3
    assert {line["lineage"]["layer"] for line in lines} == {"visible"}
    assert CANARY not in json.dumps(lines)


def test_the_visible_records_have_no_hidden_column(whole: Path) -> None:
    keys = {name for name, _ in KEYS}
    hidden = set(schema(hidden=True).names) - keys
    assert {"critique", "override", "finding_flag", "severity", "confidence", "comment"} <= hidden
    rows = pq.read_table(whole / "records" / "visible.parquet").to_pylist()
    shared = {"phrasing"}  # a reviser's is to be seen, a critic's is not
    assert {row["role"] for row in rows if row["phrasing"] is not None} <= {"base", "reviser"}
    for name in ("visible", "cases"):
        assert not (hidden - shared) & set(pq.read_schema(whole / "records" / f"{name}.parquet").names)


def test_no_command_prints_a_canary_unless_the_hidden_layer_is_asked_for(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, run := tmp_path / "run")
    shutil.rmtree(run / "checkpoints")  # What is decided since is other data, on which the old training cannot go on.
    case = json.loads(said("audit", "export", run).splitlines()[0])["case_id"]
    for words in (
        ("show", run, case),
        ("audit", "list", run),
        *(("audit", "export", run, "--format", shape) for shape in ("jsonl", "argilla", "label-studio")),
        ("audit", "auditors", run),
        ("audit", "verify", run),
        ("audit", "sample", run, "--json"),
        ("audit", "estimate", run),
        ("audit", "critiques", run, "--share", "1"),
        ("audit", "list", run, "--kind", "critique"),
        ("credit", run, "--metric", "escalated"),
        ("report", run),
        ("audit", "close", run),
        ("resume", run),
    ):
        assert CANARY not in said(*words), words
    assert leaking(run) - HIDDEN <= {"credit/journal.sqlite", "credit/audit.sqlite"}
    for words in (
        ("show", run, case, "--hidden"),
        ("audit", "list", whole, "--hidden"),
        ("audit", "export", run, "--hidden"),
        ("audit", "export", run, "--format", "argilla", "--hidden"),
        ("audit", "list", run, "--kind", "critique", "--hidden"),
    ):
        assert CANARY in re.sub(r"[\n│ ]", "", said(*words)), words


def test_a_page_of_several_runs_has_none(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "other")
    said("report", whole, tmp_path / "other", "--out", tmp_path / "page")
    assert (tmp_path / "page" / "report.html").is_file()
    assert leaking(tmp_path / "page") == set()
    assert "accepted: one run" in said("report", whole, tmp_path / "other", "--hidden", expect=2)


@pytest.mark.ray
def test_no_log_of_ray_has_one(ray_cluster: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    import ray

    done = scripted_run(
        tmp_path,
        "tests.hierarchy.canary",
        [f"question {'x' * n}" for n in range(6)],
        execution={"executor": "ray", "schedule": "roles", "address": ray_cluster},
    )
    check_run(done)
    logs = Path(ray._private.worker._global_node.get_session_dir_path()) / "logs"
    read = [path.read_text(errors="replace") for path in logs.rglob("*") if path.is_file()]
    assert len(read) > 5
    assert not [text for text in read if CANARY in text]
    told = capfd.readouterr()
    assert CANARY not in told.out + told.err


def check_run(done: Finished) -> None:
    assert done.waiting == 6
    assert leaking(done.folder.path) == HIDDEN - {"report-hidden.html", "hidden.json"}


def test_an_error_repeats_no_critique(tmp_path: Path) -> None:
    """A run that cannot go on (its disk refuses the records) says why, and not what overseers wrote."""
    base, critic = scripted("tests.hierarchy.canary")
    (tmp_path / "cases.jsonl").write_text('{"id": "1", "prompt": "a question"}\n')
    out = tmp_path / "run"
    sets = [
        f"dataset={{kind: file, path: {tmp_path / 'cases.jsonl'}}}",
        f"agents={json.dumps({'base': base, 'critic': critic})}",
        f"arms={json.dumps({'direct': {'graph': _graph(tmp_path)}})}",
        "constitution=general",
        *("auditor={kind: human}", "compare=[]", "gaps=[]", "prices=null", "latency={}"),
    ]
    spec = load_experiment(CONFIGS / "simulated.yaml", sets)
    run_experiment(spec, out)
    (out / "records").rename(tmp_path / "records")
    (out / "records").write_text("in the way")
    result = CliRunner().invoke(app, ["resume", str(out)])
    assert result.exit_code != 0
    assert CANARY not in result.output + repr(result.exception)


def _graph(folder: Path) -> str:
    path = folder / "direct.yaml"
    path.write_text(GRAPH)
    return str(path)
