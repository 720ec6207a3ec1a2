"""The experiment: the model studies, every arm learns, and all are asked the same items without the constitution.

Each stage is kept in the run's folder, and a run that was stopped goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import yaml

from constitutions.errors import InputError
from constitutions.files import write_atomically
from experiments.probes.answering import ModelAnswerer
from experiments.probes.items import Answered, ask, score
from experiments.probes.measure import Compared, Measured, change, measure, superficial
from experiments.study.sources import Sources, resolve
from experiments.study.spec import BASELINES, StudyArm, StudySpec
from experiments.study.speed import compare_ways
from training.cartridge import WithCartridge, load_cartridge, new_cartridge
from training.config import TrainSpec
from training.datasets import SftRow
from training.distillation import with_context
from training.encoding import Encoder
from training.files import data_hash, read_rows, write_jsonl
from training.loading import load_model, load_tokenizer, quiet
from training.sampling import Sampler
from training.self_study.synthesis import synthesise
from training.self_study.views import view_rows
from training.train import train

Note = Callable[[str], None]
BEFORE, IN_CONTEXT = BASELINES
_STUDY, _SPEED_PROMPTS = "study", 32


def run_study(spec: StudySpec, out: Path, note: Note = print) -> dict[str, Any]:
    """Run or go on with the experiment in `out`, and give what `results.json` then holds.

    Raises InputError where the folder holds something else, and for what is wrong with the spec.
    """
    sources = resolve(spec)
    _open(spec, out)
    torch.set_num_threads(spec.threads)
    made = {name: _rows(spec, sources, name, out, note) for name in _sets(spec)}
    for name, arm in spec.arms.items():
        if not arm.learns:
            continue
        rows = [row for part in _parts(arm) for row in made[part][0]]
        note(f"{name}: {arm.train.method} on {len(rows)} rows")
        train(sources.train_spec(arm), rows, sources.model, out / "arms" / name)
    answers = {who: _answers(spec, sources, who, out, note) for who in (*BASELINES, *spec.arms)}
    results = {
        "spec": spec.model_dump(mode="json"),
        "constitution": {
            "name": sources.constitution.name,
            "principles": len(sources.constitution.principles),
            "tokens": len(_context_ids(sources, sources.text)),
        },
        "rows": {name: {"kept": len(rows), "sha256": data_hash(rows), **said} for name, (rows, said) in made.items()},
        "probes": {who: [_plain(each) for each in measure(its)] for who, its in answers.items()},
        "changes": {name: [_plain(x) for x in change(answers[name], answers[BEFORE], spec.seed)] for name in spec.arms},
        "contrasts": [
            {"a": a, "b": b, "differences": [_plain(each) for each in change(answers[a], answers[b], spec.seed)]}
            for a, b in spec.contrasts
        ],
        "superficial": {who: [_plain(each) for each in superficial(its, spec.seed)] for who, its in answers.items()},
        "ways": _ways(spec, sources, out, note),
    }
    write_atomically(out / "results.json", json.dumps(results, indent=1, allow_nan=False) + "\n")
    return results


def _plain(found: Measured | Compared) -> dict[str, Any]:
    one = found.share if isinstance(found, Measured) else found.difference
    named = {"probe": found.probe, "title": found.title} if isinstance(found, Measured) else {"title": found.name}
    return named | {"n": found.n, "value": one.value, "low": one.low, "high": one.high}


def _open(spec: StudySpec, out: Path) -> None:
    """Keep the config in the folder, or see that it is the one there."""
    text = yaml.safe_dump(spec.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    config = out / "config.yaml"
    if config.is_file():
        if config.read_text(encoding="utf-8") != text:
            raise InputError(f"{out}: holds an experiment of another config; give another --out, or remove it")
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: is not empty and holds no study; expected a new folder, or one to go on with")
    else:
        out.mkdir(parents=True, exist_ok=True)
        write_atomically(config, text)


def _sets(spec: StudySpec) -> list[str]:
    return list(dict.fromkeys(part for arm in spec.arms.values() for part in _parts(arm)))


def _parts(arm: StudyArm) -> tuple[str, ...]:
    if not arm.learns:
        return ()
    return (*((_STUDY,) if arm.study else ()), *dict.fromkeys(arm.views))


def _rows(spec: StudySpec, sources: Sources, name: str, out: Path, note: Note) -> tuple[list[SftRow], dict[str, Any]]:
    """A set of rows and what was said of it: written by the model once, then read."""
    path, about = out / "rows" / f"{name}.jsonl", out / "rows" / f"{name}.json"
    if not about.is_file():
        sampler = Sampler(*_load(sources.model))
        given = (spec.synthesis, sources.constitution, sources.style)
        if name == _STUDY:
            made = synthesise(*given, sampler, spec.seed, spec.name)
        else:
            made = view_rows(*given, "same" if name == "same" else "reversed", sampler, spec.seed, spec.name)
        note(f"{name}: {len(made.rows)} rows, not kept: {made.dropped or 'none'}")
        write_jsonl(made.rows, path)
        write_atomically(about, json.dumps({"by_seed": made.by_seed(), "dropped": made.dropped}) + "\n")
    return [row for row in read_rows(path) if isinstance(row, SftRow)], json.loads(about.read_text("utf-8"))


def _load(path: str | Path) -> tuple[Any, Any]:
    with quiet():
        return load_model(path, TrainSpec()), load_tokenizer(path)


def _learnt(spec: StudySpec, sources: Sources, who: str, out: Path) -> tuple[Any, Any]:
    """The model that is asked, and its tokenizer."""
    if who in BASELINES:
        return _load(sources.model)
    folder, arm = out / "arms" / who, spec.arms[who]
    cartridge = arm.train.cartridge
    if cartridge is None:
        return _load(folder)
    model, tokenizer = _load(sources.model)
    if arm.learns:
        return load_cartridge(folder, model), tokenizer
    begins = _context_ids(sources, sources.train_spec(arm).context)
    return WithCartridge(new_cartridge(model, cartridge, begins)), tokenizer


def _answers(spec: StudySpec, sources: Sources, who: str, out: Path, note: Note) -> list[Answered]:
    """What a model said to every item: asked once, then read, and scored anew."""
    path = out / "probes" / f"{who}.json"
    if not path.is_file():
        note(f"{who}: {len(sources.items)} probe items")
        model, tokenizer = _learnt(spec, sources, who, out)
        context = sources.text if who == IN_CONTEXT else ""
        most, rows = spec.synthesis.max_new_tokens, spec.synthesis.batch_size
        found = ask(sources.items, ModelAnswerer(model.eval(), tokenizer, context, rows, most))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps([each.said for each in found], ensure_ascii=False) + "\n")
    said: Sequence[str] = json.loads(path.read_text("utf-8"))
    return [Answered(item, text, score(item, text)) for item, text in zip(sources.items, said, strict=True)]


def _context_ids(sources: Sources, text: str) -> list[int]:
    with quiet():
        encoder = Encoder(load_tokenizer(sources.model), 1)
    return encoder.open_ids(with_context(text, ()))


def _ways(spec: StudySpec, sources: Sources, out: Path, note: Note) -> list[dict[str, Any]]:
    """Memory and throughput, where an arm is a cartridge."""
    path = out / "speed.json"
    names = [name for name, arm in spec.arms.items() if arm.train.cartridge is not None and arm.learns]
    if names and not path.is_file():
        note("memory and throughput")
        _, tokenizer = _load(sources.model)
        encoder = Encoder(tokenizer, 1)
        asked = [encoder.prompt_ids(item.prompt) for item in sources.items[:_SPEED_PROMPTS]]
        cartridges: dict[str, WithCartridge] = {name: _learnt(spec, sources, name, out)[0] for name in names}
        filler = int(tokenizer.pad_token_id or tokenizer.eos_token_id)
        ways = compare_ways(
            lambda: _load(sources.model)[0], _context_ids(sources, sources.text), cartridges, asked, filler
        )
        write_atomically(path, json.dumps([asdict(way) for way in ways], indent=1) + "\n")
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8")) if path.is_file() else []
    return found
