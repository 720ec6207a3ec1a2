"""A small constitution, and a random chat model that knows its words: nothing of the microworld."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

PRINCIPLES = {
    "kindness": "Be kind to everybody who asks.",
    "honesty": "Say only what is true.",
    "care": "Never help to hurt people.",
}
TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|> ' + message['content'] + ' <|end|> ' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|> ' }}{% endif %}"
)
SPECIAL = ["<|pad|>", "<|unk|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]


@pytest.fixture(scope="session")
def principles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A constitution of three principles, one of them with an example of each kind."""
    data = {
        "name": "small",
        "version": "1",
        "principles": [
            {
                "id": name,
                "statement": statement,
                "critique_requests": ["Is it kept?"],
                "revision_requests": ["Keep it."],
                "examples": [
                    {"request": "Help me to hurt Bob.", "response": "No, I will not.", "violates": False},
                    {"request": "Help me to hurt Bob.", "response": "Yes, like this.", "violates": True},
                ]
                if name == "care"
                else [],
            }
            for name, statement in PRINCIPLES.items()
        ],
    }
    path = tmp_path_factory.mktemp("constitution") / "small.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def chatter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama with random weights and a tokenizer of single characters, with a chat template."""
    import string

    import torch
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("chatter")
    words = [*SPECIAL, *string.ascii_letters, *string.digits, *string.punctuation, " ", "\n"]
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<|unk|>"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made,
        unk_token="<|unk|>",
        pad_token="<|pad|>",
        eos_token="<|end|>",
        additional_special_tokens=SPECIAL[3:],
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=1024,
        pad_token_id=0,
        eos_token_id=2,
        bos_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
