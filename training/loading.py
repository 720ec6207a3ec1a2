"""Tokenizers and models from a folder or the hub, refused where they are not what a training needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from constitutions.errors import InputError
from training.config import TrainSpec

_HEADS = ("score.", "classifier.")


@contextmanager
def quiet() -> Iterator[None]:
    """No bars and no advice of transformers' own while loading and saving: what matters is checked and told here."""
    from transformers.utils import logging

    bars: Any = logging
    shown, level = bars.is_progress_bar_enabled(), bars.get_verbosity()
    bars.disable_progress_bar()
    bars.set_verbosity_error()
    try:
        yield
    finally:
        bars.set_verbosity(level)
        if shown:
            bars.enable_progress_bar()


def load_tokenizer(model_path: str | Path) -> Any:
    """The tokenizer. Raises InputError where none can be loaded."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(model_path)
    except (OSError, ValueError) as error:
        raise InputError(_nothing(model_path, "tokenizer", error)) from None


def load_model(model_path: str | Path, spec: TrainSpec) -> Any:
    """The model that `spec.method` trains: a causal language model, or one with a reward head.

    Raises InputError where none can be loaded, and where the files lack weights that the model has: those of another
    model would silently be left at random. A reward head may be new.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    if spec.method != "reward" and _architecture(model_path).endswith("ForSequenceClassification"):
        raise InputError(f"{model_path}: holds a reward model; expected a language model for method {spec.method}")
    # Weights of another shape are reported below, with their names.
    options: dict[str, Any] = {"dtype": getattr(torch, spec.weights), "ignore_mismatched_sizes": True}
    if spec.lora is not None and spec.lora.quantised:
        options["quantization_config"] = _four_bits()
    kind: Any = AutoModelForCausalLM
    if spec.method == "reward":
        kind, options["num_labels"] = AutoModelForSequenceClassification, 1
    try:
        model, info = kind.from_pretrained(model_path, output_loading_info=True, **options)
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(_nothing(model_path, "weights", error)) from None
    random = sorted({*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])})
    missing = [name for name in random if spec.method != "reward" or not name.startswith(_HEADS)]
    if missing:
        raise InputError(
            f"{model_path}: is a checkpoint of another model: it lacks {missing[0]}"
            + (f" and {len(missing) - 1} more" if len(missing) > 1 else "")
            + f"; expected all weights of a {type(model).__name__}"
        )
    return model


def _architecture(model_path: str | Path) -> str:
    """The class that `config.json` names; empty where it names none."""
    from transformers import AutoConfig

    try:
        found = AutoConfig.from_pretrained(model_path).architectures
    except (OSError, ValueError) as error:
        raise InputError(_nothing(model_path, "weights", error)) from None
    return found[0] if found else ""


def load_reward_model(folder: Path) -> Any:
    """A reward model that `train` made, to be asked. Raises InputError where the folder holds none."""
    import torch
    from transformers import AutoModelForSequenceClassification

    try:
        model, info = AutoModelForSequenceClassification.from_pretrained(
            folder, output_loading_info=True, dtype=torch.float32
        )
    except (OSError, ValueError) as error:
        raise InputError(_nothing(folder, "reward model", error)) from None
    if info["missing_keys"] or model.config.num_labels != 1:
        raise InputError(f"{folder}: holds no reward model; expected a checkpoint made by training method reward")
    return model.eval()


def _four_bits() -> Any:
    import torch
    from transformers import BitsAndBytesConfig

    compute = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    config: Any = BitsAndBytesConfig
    return config(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=compute
    )


def _nothing(model_path: str | Path, what: str, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return f"{model_path}: no {what} could be loaded ({reason}); expected a Hugging Face model folder or hub id"
