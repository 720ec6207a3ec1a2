"""Hugging Face causal language models: batched generation and label probabilities whose rows do not see each other.

On CPU every call has a shape that is the row's own (`agents/models/network.py`), float32 and a fixed number of threads.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from agents.model import Generated, Prompt, Query, Scored, Unanswerable, Use
from agents.models.chat import render, special_strings
from agents.models.network import Network
from agents.records import Message
from agents.spec import TransformersSpec
from constitutions.errors import InputError

_WEIGHTS = ("*.safetensors", "*.bin", "*.index.json")


class TransformersModel:
    """Loads at the first question; see `TransformersSpec`."""

    def __init__(self, spec: TransformersSpec) -> None:
        self.spec = spec
        _check_path(spec.path)

    @cached_property
    def tokenizer(self) -> Any:
        """The model's tokenizer. Raises InputError where it cannot be loaded."""
        from transformers import AutoTokenizer

        try:
            found = AutoTokenizer.from_pretrained(self.spec.path, trust_remote_code=self.spec.trust_remote_code)
        except (OSError, ValueError) as error:
            raise InputError(f"model {self.spec.path!r}: no tokenizer can be loaded: {_line(error)}") from None
        render(found, (), Prompt((Message("user", "?"),)))  # a template that refuses even this is no use at all
        return found

    @cached_property
    def model(self) -> Any:
        """The network, on its device, ready to infer. Raises InputError where it cannot be loaded."""
        import torch
        from safetensors import SafetensorError
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        torch.set_num_threads(self.spec.threads)
        dtype = self.spec.dtype
        if dtype == "auto":
            dtype = "float32" if self.device == "cpu" else "bfloat16"
        try:
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                self.spec.path,
                dtype=getattr(torch, dtype),
                trust_remote_code=self.spec.trust_remote_code,
                ignore_mismatched_sizes=True,  # reported below, with the names
                output_loading_info=True,
            )
        except (OSError, ValueError, SafetensorError) as error:
            raise InputError(f"model {self.spec.path!r}: cannot be loaded: {_line(error)}") from None
        model, report = loaded
        random = sorted({*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])})
        if random:  # transformers fills them with random numbers and only logs it
            raise InputError(f"model {self.spec.path!r}: weights do not match config.json, such as {random[0]}")
        return model.to(self.device).eval()

    @cached_property
    def device(self) -> str:
        """`cuda` where there is one and the spec does not say otherwise. Raises InputError for a GPU that is absent."""
        import torch

        there = torch.cuda.is_available()
        if not re.fullmatch(r"auto|cpu|mps|(cuda|xpu)(:\d+)?", self.spec.device):
            raise InputError(f"model {self.spec.path!r}: device {self.spec.device!r}; accepted: auto, cpu, cuda")
        if self.spec.device.startswith("cuda") and not there:
            raise InputError(f"model {self.spec.path!r}: device {self.spec.device!r} is not here; accepted: auto, cpu")
        return self.spec.device if self.spec.device != "auto" else "cuda" if there else "cpu"

    @cached_property
    def specials(self) -> list[str]:
        """Strings that no message content may form."""
        return special_strings(self.tokenizer)

    @cached_property
    def network(self) -> Network:
        """The network and the shape of its calls."""
        pad, end = self.tokenizer.pad_token_id, self.tokenizer.eos_token_id
        said = getattr(self.model.generation_config, "eos_token_id", None)
        ends = {*(said if isinstance(said, list) else [said]), end}
        return Network(
            model=self.model,
            device=self.device,
            rows=self.spec.batch_size,
            context=int(getattr(self.model.config, "max_position_embeddings", 2048)),
            filler=int(pad if pad is not None else end or 0),
            ends=tuple(int(token) for token in ends if token is not None),
        )

    def generate(self, query: Query) -> Generated:
        """One answer per row. A prompt that the chat template refuses or the context cannot hold, or an empty answer,
        is absent."""
        prefix = self.spec.prefix if query.use in (Use.RESPOND, Use.REVISE) else ""
        rendered = [self._text(prompt) for prompt in query.prompts()]
        prompts = [self._ids(f"{text}{prefix}" if text else text) for text in rendered]
        text = np.full(len(query), None, object)
        read = np.array([len(ids) for ids in prompts], np.int32)
        count = np.zeros(len(prompts), np.int32)
        spec = self.spec
        for rows, written in self.network.write(prompts, query.seed_N, spec.max_new_tokens, spec.temperature):
            for row, ids in zip(rows, written, strict=True):
                count[row] = len(ids)
                text[row] = self.tokenizer.decode(ids, skip_special_tokens=True).strip() or None
        present = np.array([answer is not None for answer in text], bool)
        return Generated(text, present, read + count, count)

    def score(self, query: Query, labels: tuple[str, ...]) -> Scored:
        """Probabilities of the labels as the prompt's continuation, normalised over them; NaN where it does not fit.

        Raises InputError for labels that the tokenizer cannot write or cannot tell apart.
        """
        asked = list(query.prompts())
        rendered = [self._text(prompt) for prompt in asked]
        prompts = [self._ids(text) for text in rendered]
        heads = self._heads(asked, prompts) if (query.principle_N >= 0).all() else [0] * len(query)
        glued = np.array([text[-1:].isspace() for text in rendered], bool)
        probability = np.full((len(query), len(labels)), np.nan)
        for close in (True, False):
            options = self._options(labels, close)
            chosen = [ids if glued[r] == close else [] for r, ids in enumerate(prompts)]
            for rows, scores in self.network.score(chosen, heads, options):
                weight = np.exp(scores - scores.max(axis=1, keepdims=True))
                probability[rows] = weight / weight.sum(axis=1, keepdims=True)
        return Scored(probability, np.array([len(ids) for ids in prompts], np.int32))

    def _options(self, labels: tuple[str, ...], close: bool) -> list[list[int]]:
        """Token ids of the labels, with a space before them unless the prompt ends in one (`close`).

        Two labels outside a word-level vocabulary are both the unknown token, and would silently be a tie.
        """
        options = [self._ids(label if close else f" {label}") for label in labels]
        for label, ids in zip(labels, options, strict=True):
            if not label.strip() or not ids or self._unknown in ids:
                raise InputError(f"model {self.spec.path!r}: label {label!r} has words that its tokenizer lacks")
        if len(set(map(tuple, options))) < len(labels):
            raise InputError(f"model {self.spec.path!r}: its tokenizer cannot tell labels apart: {', '.join(labels)}")
        return options

    @property
    def _unknown(self) -> int | None:
        found: int | None = self.tokenizer.unk_token_id
        return found

    def _text(self, prompt: Prompt) -> str:
        """The question as text; empty where the chat template refuses the conversation."""
        try:
            return render(self.tokenizer, self.specials, prompt)
        except Unanswerable:
            return ""

    def _heads(self, asked: Sequence[Prompt], prompts: Sequence[list[int]]) -> list[int]:
        """How many leading tokens of each question are its messages but the last, which the questions about one subject
        (one per principle) share; 0 where the template writes them differently when nothing follows.

        A function of the row alone.
        """
        known: dict[tuple[Message, ...], list[int]] = {}
        heads = []
        for prompt, ids in zip(asked, prompts, strict=True):
            before = prompt.messages[:-1]
            if before not in known:
                known[before] = self._ids(self._text(Prompt(before, generation_prompt=False))) if before else []
            head = known[before]
            heads.append(len(head) if len(head) < len(ids) and ids[: len(head)] == head else 0)
        return heads

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


def _check_path(path: str) -> None:
    folder = Path(path)
    if not folder.exists() and not path.startswith((".", "/", "~")):
        return  # a hub id; transformers looks for it when the model is first used
    if not (folder / "config.json").is_file():
        raise InputError(f"model {path!r}: no config.json there; expected a folder that `save_pretrained` wrote")
    if not any(any(folder.glob(pattern)) for pattern in _WEIGHTS):
        raise InputError(f"model {path!r}: no weights there; expected model.safetensors beside config.json")


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
