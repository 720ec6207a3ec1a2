"""Hugging Face causal language models: batched generation and label probabilities whose rows do not see each other.

Batch composition changes low bits of a row's probabilities unless every call has one shape. On CPU, therefore: a fixed
number of rows (padding rows fill up), a prompt length that is a function of the row alone (its length bucket), float32
and a fixed number of threads. Sampling is greedy over log-probabilities / temperature + Gumbel noise (Gumbel 1954;
Maddison et al. 2014) keyed by (row seed, step, token), so it does not depend on neighbours either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.model import Generated, Prompt, Query, Scored, Unanswerable
from agents.models.chat import render, special_strings
from agents.models.noise import gumbel
from agents.records import Message
from agents.spec import TransformersSpec
from constitutions.errors import InputError

BUCKET = 16
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
    def context(self) -> int:
        """Most tokens, prompt and answer together."""
        return int(getattr(self.model.config, "max_position_embeddings", 2048))

    @cached_property
    def filler(self) -> int:
        """The token that padding is made of; masked, so any will do."""
        found = self.tokenizer.pad_token_id
        return int(found if found is not None else self.tokenizer.eos_token_id or 0)

    def generate(self, query: Query) -> Generated:
        """One answer per row. A prompt that the chat template refuses or the context cannot hold, or an empty answer,
        is absent."""
        prompts = [self._ids(text) for text in self._rendered(query)]
        text = np.full(len(query), None, object)
        tokens = np.array([len(ids) for ids in prompts], np.int32)
        for rows, length in self._batches(prompts):
            written = self._write([prompts[r] for r in rows], length, query.seed_N[rows])
            for row, ids in zip(rows, written, strict=True):
                tokens[row] += len(ids)
                text[row] = self.tokenizer.decode(ids, skip_special_tokens=True).strip() or None
        present = np.array([answer is not None for answer in text], bool)
        return Generated(text, np.zeros(len(query), np.uint64), present, tokens)

    def score(self, query: Query, labels: tuple[str, ...]) -> Scored:
        """Probabilities of the labels as the prompt's continuation, normalised over them; NaN where it does not fit.

        Raises InputError for labels that the tokenizer cannot write or cannot tell apart.
        """
        rendered = self._rendered(query)
        prompts = [self._ids(text) for text in rendered]
        glued = np.array([text[-1:].isspace() for text in rendered], bool)
        probability = np.full((len(query), len(labels)), np.nan)
        for close in (True, False):
            options = self._options(labels, close)
            chosen = [ids if glued[r] == close else [] for r, ids in enumerate(prompts)]
            for rows, length in self._batches(chosen, extra=max(map(len, options))):
                scores = self._log_probabilities([prompts[r] for r in rows], length, options)
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

    def _rendered(self, query: Query) -> list[str]:
        """The questions as text; empty where the chat template refuses the conversation."""
        texts = []
        for prompt in query.prompts():
            try:
                texts.append(render(self.tokenizer, self.specials, prompt))
            except Unanswerable:
                texts.append("")
        return texts

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _batches(self, prompts: Sequence[list[int]], extra: int = 1) -> Iterator[tuple[list[int], int]]:
        """Rows of one length bucket, at most `batch_size` at a time; rows that are empty or do not fit are left out."""
        buckets: dict[int, list[int]] = {}
        for row, ids in enumerate(prompts):
            if ids and len(ids) + extra <= self.context:
                buckets.setdefault(-(-len(ids) // BUCKET) * BUCKET, []).append(row)
        for length, rows in sorted(buckets.items()):
            for first in range(0, len(rows), self.spec.batch_size):
                yield rows[first : first + self.spec.batch_size], length

    def _padded(self, prompts: Sequence[list[int]], length: int) -> tuple[Any, Any]:
        """Token ids and mask, [batch_size, length], padded on the left; rows beyond the prompts repeat the first."""
        import torch

        ids = torch.full((self.spec.batch_size, length), self.filler, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for i in range(self.spec.batch_size):
            prompt = prompts[i] if i < len(prompts) else prompts[0]
            ids[i, length - len(prompt) :] = torch.tensor(prompt)
            mask[i, length - len(prompt) :] = 1
        return ids.to(self.device), mask.to(self.device)

    def _write(self, prompts: Sequence[list[int]], length: int, seeds: NDArray[np.uint64]) -> list[list[int]]:
        """New token ids per prompt, without the end token."""
        import torch

        ids, mask = self._padded(prompts, length)
        lengths = mask.sum(dim=1)
        seed = torch.zeros(self.spec.batch_size, dtype=torch.long)
        seed[: len(prompts)] = torch.from_numpy(seeds.astype(np.int64))
        seed = seed.to(self.device)
        ended = torch.arange(self.spec.batch_size, device=self.device) >= len(prompts)
        end = torch.tensor(self._end_ids(), device=self.device)
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        cache, new = None, []
        with torch.inference_mode():
            for step in range(self.spec.max_new_tokens):
                out = self.model(
                    input_ids=ids,
                    attention_mask=mask,
                    position_ids=positions,
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=1,
                )
                cache = out.past_key_values
                token = self._pick(out.logits[:, -1].float(), seed, step)
                ended = ended | torch.isin(token, end) | (lengths + step >= self.context)
                new.append(torch.where(ended, -1, token))
                if bool(ended.all()):
                    break
                ids = torch.where(ended, self.filler, token)[:, None]
                mask = torch.cat([mask, torch.ones_like(ids)], dim=1)
                positions = (lengths + step)[:, None].clamp(max=self.context - 1)
        written = torch.stack(new, dim=1).tolist()
        return [[token for token in row if token >= 0] for row in written[: len(prompts)]]

    def _pick(self, logits: Any, seed: Any, step: int) -> Any:
        if self.spec.temperature == 0:
            return logits.argmax(dim=-1)
        scores = logits.log_softmax(dim=-1) / self.spec.temperature
        return (scores + gumbel(seed, step, scores.shape[-1])).argmax(dim=-1)

    def _end_ids(self) -> list[int]:
        found = getattr(self.model.generation_config, "eos_token_id", None)
        several = found if isinstance(found, list) else [found]
        return [int(i) for i in {*several, self.tokenizer.eos_token_id} if i is not None]

    def _log_probabilities(
        self, prompts: Sequence[list[int]], length: int, options: Sequence[list[int]]
    ) -> NDArray[np.float64]:
        """Log-probability of each option as the continuation, [rows, L]."""
        if all(len(option) == 1 for option in options):
            logits = self._logits(prompts, length, 1)[:, -1]
            return np.asarray(logits.log_softmax(dim=-1)[:, [option[0] for option in options]].double().cpu().numpy())
        columns = []
        for option in options:
            longer = [prompt + option for prompt in prompts]
            logits = self._logits(longer, length + len(option), len(option) + 1)[:, :-1].log_softmax(dim=-1)
            columns.append(sum(logits[:, i, token] for i, token in enumerate(option)).double().cpu().numpy())
        return np.stack(columns, axis=1)

    def _logits(self, prompts: Sequence[list[int]], length: int, keep: int) -> Any:
        import torch

        ids, mask = self._padded(prompts, length)
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        with torch.inference_mode():
            out = self.model(
                input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False, logits_to_keep=keep
            )
        return out.logits[: len(prompts)].float()


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
