"""`oversight dataset`: every kind from one run with known ends, loaded by `datasets` and by TRL as it lies on disk."""

from __future__ import annotations

import json
import shutil
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from experiments.audit.run_queue import existing_queue
from experiments.cli import app
from experiments.config import ExperimentSpec
from experiments.datasets import source
from experiments.folder import RunFolder
from experiments.run import run_experiment
from experiments.world.shipped import checkpoint
from hierarchy.audit.gold import GoldCase
from tests.experiments.overseers import CANARY, WEAK
from tests.hierarchy.audit_cases import NOW, item
from training.config import TrainConfig, TrainSpec
from training.datasets import PreferenceRow, Row, SftRow
from training.datasets.kinds import KINDS
from training.datasets.lines import lines
from training.datasets.uncertainty import SURE
from training.files import FORMATS, read_rows
from training.lineage import HIDDEN, VISIBLE
from training.script import run_config
from training.stale import mark_stale

SCRIPTS = "tests.experiments.overseers"
VISIBLE_KINDS = [kind.name for kind in KINDS.values() if kind.layer == VISIBLE]
HIDDEN_KINDS = [kind.name for kind in KINDS.values() if kind.layer == HIDDEN]
CASES, SECRETS = 6, 2


def dataset(*words: str | Path, sets: tuple[str, ...] = (), expect: int = 0) -> Result:
    given = [*map(str, words), *(part for item in sets for part in ("--set", item))]
    result = CliRunner().invoke(app, ["dataset", *given])
    assert result.exit_code == expect, result.output
    return result


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six cases, two of them with a secret, through the layers."""
    folder = tmp_path_factory.mktemp("datasets")
    lines = [{"id": f"c{n}", "prompt": f"tell me {'a secret' if n < SECRETS else 'more'} {n}"} for n in range(CASES)]
    (folder / "cases.jsonl").write_text("\n".join(map(json.dumps, lines[::-1])) + "\n", encoding="utf-8")

    def agent(**functions: str) -> dict[str, Any]:
        return {"model": {"kind": "scripted"} | {use: f"{SCRIPTS}:{name}" for use, name in functions.items()}}

    spec = ExperimentSpec.model_validate(
        {
            "name": "known",
            "dataset": {"kind": "file", "path": str(folder / "cases.jsonl")},
            "constitution": "general",
            "agents": {
                "base": agent(generate="answer"),
                "monitor": agent(score="sees"),
                "critic": agent(generate="weak", score="misses"),
                "critic_strong": agent(generate="strong", score="sees"),
                "judge": agent(score="prefers"),
            },
            "arms": {"layers": {"graph": "layers"}},
        }
    )
    run_experiment(spec, folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def built(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every kind in both formats, in one folder."""
    out = tmp_path_factory.mktemp("built")
    for form in FORMATS:
        dataset("build", run, *KINDS, "--format", form, "--out", out)
    return out / "layers"


def rows(built: Path, kind: str) -> list[Any]:
    return read_rows(built / f"{kind}.jsonl")


def said(row: SftRow) -> str:
    return row.completion[0].content


def test_every_kind_has_its_layer_and_its_lineage(built: Path) -> None:
    for kind in KINDS.values():
        found: list[Row] = rows(built, kind.name)
        assert {row.lineage.layer for row in found} == {kind.layer}
        assert {(row.lineage.run, row.lineage.arm) for row in found} == {("known", "layers")}
        assert {row.lineage.case_id for row in found} <= {f"c{n}" for n in range(CASES)}
        assert read_rows(built / f"{kind.name}.parquet") == found


def test_parts_of_a_run_give_the_rows_of_the_whole(
    run: Path, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Byte for byte, in the order of the case ids, however few cases are held at a time."""
    monkeypatch.setattr(source, "_READ", 4)
    monkeypatch.setattr(source, "_PART", 1)
    spec = RunFolder(run).spec()
    ((_, whole),) = source.run_sources(RunFolder(run), spec, ["layers"])
    for form in FORMATS:
        dataset("build", run, *KINDS, "--format", form, "--out", tmp_path)
    for kind in KINDS.values():
        rows_of_whole = kind.build(whole, spec.datasets).rows
        assert [row.lineage.case_id for row in rows_of_whole] == sorted(row.lineage.case_id for row in rows_of_whole)
        assert read_rows(tmp_path / "layers" / f"{kind.name}.parquet") == rows_of_whole
        written = (tmp_path / "layers" / f"{kind.name}.jsonl").read_bytes()
        assert written == (built / f"{kind.name}.jsonl").read_bytes() == b"".join(lines(rows_of_whole))


def test_pairs_have_the_judges_soft_label_which_can_be_clamped(run: Path, built: Path, tmp_path: Path) -> None:
    pairs: list[PreferenceRow] = rows(built, "preferences")
    told = {(row.chosen[0].content, row.rejected[0].content, round(row.soft_label, 6)) for row in pairs}
    assert told == {("a better answer", "a draft", 0.8)}
    dataset("build", run, "preferences", "--out", tmp_path, sets=("preferences.clamp=[0.4, 0.6]",))
    assert {row.soft_label for row in rows(tmp_path / "layers", "preferences")} == {0.6}


def test_answers_are_labelled_by_what_the_overseers_let_pass(built: Path) -> None:
    labels = Counter((said(row), row.label) for row in rows(built, "unpaired"))
    assert labels == {("an answer", True): 4, ("a better answer", True): 2, ("a draft", False): 2}


def test_a_critic_that_was_overruled_is_taught_the_last_word(run: Path, built: Path, tmp_path: Path) -> None:
    """The weak critic said no of every principle of the drafts; the strong one, asked after it, said yes."""
    taught: list[SftRow] = rows(built, "critiques")
    weak = [row for row in taught if row.lineage.step == "critic"]
    of_drafts = [row for row in weak if "a draft" in row.prompt[-1].content]
    assert {said(row) for row in of_drafts} == {"yes"}  # and its critique of them is not taught
    assert {said(row) for row in weak if row not in of_drafts} == {"no", WEAK}
    dataset("build", run, "critiques", "--out", tmp_path, sets=("critiques.teach=own", "critiques.labels=false"))
    own = [row for row in rows(tmp_path / "layers", "critiques") if row.lineage.step == "critic"]
    assert {said(row) for row in own} == {WEAK}
    assert len(own) == CASES


def test_questions_are_those_the_models_were_asked(built: Path) -> None:
    first = next(row for row in rows(built, "critiques") if said(row) == WEAK)
    assert first.prompt[0].role == "system"
    assert "ASSISTANT'S ANSWER:\nan answer" in first.prompt[1].content
    assert first.completion[0].role == "assistant"
    judged: list[SftRow] = rows(built, "judgements")
    assert [said(row) for row in judged].count("first") == [said(row) for row in judged].count("second") == SECRETS
    for row in judged:
        asked = row.prompt[-1].content
        better_first = asked.find("a better answer") < asked.find("a draft")
        assert said(row) == ("first" if better_first else "second")
    overrides = [row for row in rows(built, "safety") if "ignore or get around its rules" in row.prompt[-1].content]
    assert len(overrides) == CASES


def test_notes_say_where_reviewers_were_divided_and_unsure(built: Path) -> None:
    notes = {said(row) for row in rows(built, "uncertainty")}
    assert len(rows(built, "uncertainty")) == CASES
    assert any("yes by 2 of 3, 80% sure." in note for note in notes)  # .9, .9 and .6
    assert any("no by 2 of 2, 70% sure." in note for note in notes)  # .8 and .6
    assert SURE not in notes


def test_a_rationale_is_the_reason_and_every_answer_is_taught_with_and_without(
    run: Path, built: Path, tmp_path: Path
) -> None:
    guided = [said(row) for row in rows(built, "rationales")]
    assert guided[:2] == [
        "a better answer",
        f"[strategy] It tells a secret {CANARY}. Secrets are told to nobody. [/strategy] a better answer",
    ]
    sets = ("rationales.drop=[canary, nothing]", "rationales.plain=empty")
    dataset("build", run, "rationales", "--out", tmp_path, sets=sets)
    guided = [said(row) for row in rows(tmp_path / "layers", "rationales")]
    assert (
        guided
        == [
            "[strategy] [/strategy] a better answer",
            "[strategy] Secrets are told to nobody. [/strategy] a better answer",
        ]
        * SECRETS
    )
    sets = ("rationales.source=principle",)
    dataset("build", run, "rationales", "--out", tmp_path / "principle", sets=sets)
    assert all("[strategy]" in said(row) for row in rows(tmp_path / "principle" / "layers", "rationales")[1::2])


def test_what_is_hidden_is_written_by_name_only_and_never_exported(built: Path, tmp_path: Path) -> None:
    for kind in KINDS:
        text = (built / f"{kind}.jsonl").read_text("utf-8")
        assert (CANARY in text) == (kind in ("rationales", "critiques")), kind
        assert f'"layer": "{HIDDEN}"' in text or kind in VISIBLE_KINDS
    for kind in HIDDEN_KINDS:
        refused = dataset("export", built / f"{kind}.parquet", "--out", tmp_path / "no", expect=2)
        assert "hidden layer, which is never exported" in refused.stderr
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_text((built / "sft.jsonl").read_text("utf-8") + (built / "safety.jsonl").read_text("utf-8"))
    dataset("export", mixed, "--out", tmp_path / "no", expect=2)
    assert not (tmp_path / "no").exists()
    paths = [built / f"{kind}.jsonl" for kind in VISIBLE_KINDS]
    dataset("export", *paths, "--out", tmp_path / "public")
    for kind in VISIBLE_KINDS:
        (first, *_) = (tmp_path / "public" / f"{kind}.jsonl").read_text("utf-8").splitlines()
        assert json.loads(first).keys() <= {"prompt", "completion", "chosen", "rejected", "label", "lineage"}
        assert json.loads(first)["lineage"].keys() == {"run", "arm", "case_id", "outcome", "epoch", "layer"}
    again = dataset("export", paths[0], "--out", tmp_path / "public", expect=2)
    assert "is there already" in again.stderr


def test_the_list_tells_kinds_and_files(run: Path) -> None:
    assert "no dataset is written yet" in dataset("list", run).stdout
    dataset("build", run, "sft")
    listed = dataset("list", run).stdout
    assert all(kind in listed for kind in KINDS)
    assert "layers/sft.jsonl" in listed


def test_nothing_is_overwritten_unasked(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "layers" / "sft.jsonl"
    dataset("build", run, "sft", "--out", tmp_path)
    before = path.read_bytes()
    dataset("build", run, "sft", "--out", tmp_path)
    other = ("sft.outcomes=[released]",)
    refused = dataset("build", run, "unpaired", "sft", "--out", tmp_path, sets=other, expect=2)
    assert "holds other rows; expected another --out, or --replace" in refused.stderr
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["sft.jsonl"]
    dataset("build", run, "sft", "--out", tmp_path, "--replace", sets=other)
    assert len(read_rows(path)) == CASES - SECRETS


@pytest.mark.parametrize(
    ("words", "sets", "line"),
    [
        (("sfd",), (), "dataset kind 'sfd'; accepted: sft, preferences"),
        (("sft", "--arm", "panel"), (), "no arm 'panel'; accepted: layers"),
        (("sft",), ("sft.outcomes=[refused]",), "of 6 cases none can train (4 released, 2 revised)"),
        (("sft",), ("sft.chains=final",), "unknown key 'chains'; accepted: outcomes, chain, helpful"),
        (("preferences",), ("preferences.clamp=[0.6, 0.4]",), "the lower bound is above the upper one"),
        (("sft",), ("sft.helpful={data: [nowhere.jsonl]}",), "nowhere.jsonl: no such file"),
        (("sft",), ("weights.agreement=-1",), "-1 is not accepted; expected a number >= 0"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    run: Path, tmp_path: Path, words: tuple[str, ...], sets: tuple[str, ...], line: str
) -> None:
    found = dataset("build", run, *words, "--out", tmp_path / "out", sets=sets, expect=2)
    assert line in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_what_a_gold_case_asks_never_trains(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "run")
    with existing_queue(copy) as queue:
        asked = item()
        queue.enqueue([asked])
        payload = {**asked.payload, "messages": [{"role": "user", "content": "tell me more 3"}]}
        queue.gold.add([GoldCase("known", payload, violates=False, hidden={})], NOW, spare=["c99"])
    for kind in KINDS:
        dataset("build", copy, kind, "--out", tmp_path / "out")
        found = rows(tmp_path / "out" / "layers", kind)
        assert "c3" not in {row.lineage.case_id for row in found}
    told = dataset("build", copy, "sft", "--out", tmp_path / "out").stdout
    assert "5 rows" in told
    assert "left out: 1 gold" in told


def test_helpful_data_is_mixed_in_at_a_ratio(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "helpful.jsonl"
    lines = [{"prompt": f"how {n} ?", "completion": "so"} for n in range(9)]
    turns = [{"role": "user", "content": "why ?"}, {"role": "assistant", "content": "because"}]
    path.write_text("\n".join(map(json.dumps, [*lines, {"messages": turns}])), encoding="utf-8")
    sets = (f"sft.helpful={{data: [{path}], ratio: 0.5}}",)
    dataset("build", run, "sft", "--out", tmp_path, sets=sets)
    found = read_rows(tmp_path / "layers" / "sft.jsonl")
    helpful = [row.lineage.case_id for row in found if row.lineage.arm == "helpful"]
    assert len(found) == CASES + 3
    assert len(helpful) == 3
    assert all(row.lineage.run == "helpful.jsonl" for row in found[CASES:])
    many = dataset(
        "build", run, "sft", "--out", tmp_path / "no", sets=(f"sft.helpful={{data: [{path}], ratio: 2}}",), expect=2
    )
    assert "ratio 2 of 6 rows wants 12 helpful rows" in many.stderr
    path.write_text('{"prompt": "", "completion": ""}\n', encoding="utf-8")
    empty = dataset("build", run, "sft", "--out", tmp_path / "no", sets=sets, expect=2)
    assert "helpful.jsonl:1: no helpful example" in empty.stderr


@pytest.mark.parametrize(
    ("kinds", "method"),
    [(("preferences", "sft"), "dpo"), (("unpaired",), "kto"), (("critiques", "uncertainty"), "sft")],
)
def test_train_takes_what_was_built(built: Path, kinds: tuple[str, ...], method: str, tmp_path: Path) -> None:
    """From Parquet, with soft labels and weights; rows under appeal are left out, and the result says so."""
    files = [tmp_path / f"{kind}.parquet" for kind in kinds]
    for path in files:
        shutil.copy(built / path.name, path)
    stale = mark_stale(tmp_path, {"c1"})
    config = TrainConfig(
        model=str(checkpoint("base")),
        data=tuple(map(str, files)),
        out=str(tmp_path / "out"),
        train=TrainSpec(method=method, max_steps=2, batch_size=4, save_steps=None),
    )
    result = run_config(config)
    assert result.steps == 2
    assert f"{stale} rows are stale, from decisions under appeal, and were left out" in result.notes
    assert stale > 0


@pytest.fixture
def _their_warnings() -> Iterator[None]:
    """TRL and datasets use what their own dependencies have deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.usefixtures("_their_warnings")
@pytest.mark.parametrize("kind", KINDS)
def test_datasets_loads_every_kind_as_it_is(built: Path, kind: str, tmp_path: Path) -> None:
    from datasets import load_dataset

    expected = [row.to_dict() for row in rows(built, kind)]
    for form, reader in (("jsonl", "json"), ("parquet", "parquet")):
        files = str(built / f"{kind}.{form}")
        loaded = load_dataset(reader, data_files=files, split="train", cache_dir=str(tmp_path))
        assert list(loaded) == expected


@pytest.mark.usefixtures("_their_warnings")
@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("sft", "SFT"),
        ("rationales", "SFT"),
        ("critiques", "SFT"),
        ("preferences", "DPO"),
        ("unpaired", "KTO"),
        ("preferences", "Reward"),
    ],
)
def test_trl_trains_on_the_files_as_they_are(built: Path, kind: str, method: str, tmp_path: Path) -> None:
    """TRL's trainer prepares the rows, with all their columns, and gives a loss with gradient on a batch of them."""
    import torch
    import trl
    from datasets import load_dataset
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

    folder = checkpoint("base")
    maker = AutoModelForSequenceClassification if method == "Reward" else AutoModelForCausalLM
    model = maker.from_pretrained(folder, dtype=torch.float32, **({"num_labels": 1} if method == "Reward" else {}))
    arguments = getattr(trl, f"{method}Config")(
        output_dir=str(tmp_path / "out"),
        report_to="none",
        save_strategy="no",
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        disable_tqdm=True,
        max_length=128,
    )
    loaded = load_dataset("parquet", data_files=str(built / f"{kind}.parquet"), split="train", cache_dir=str(tmp_path))
    trainer = getattr(trl, f"{method}Trainer")(
        model=model,
        args=arguments,
        train_dataset=loaded,
        processing_class=AutoTokenizer.from_pretrained(folder),
    )
    batch = trainer.data_collator([trainer.train_dataset[i] for i in range(2)])
    loss = trainer.compute_loss(trainer.model, trainer._prepare_inputs(batch))
    assert torch.isfinite(loss)
    assert loss.requires_grad
