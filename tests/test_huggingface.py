"""A language model's folder is a Hugging Face folder: transformers reads ours, and we read theirs."""

from __future__ import annotations

import json

import pytest
import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from modelwright import huggingface
from modelwright.errors import RunError
from modelwright.models.language import Language

transformers = pytest.importorskip("transformers")

TEXTS = [
    "大模型从数据中学习语言。",
    "Language models learn from data, isn't it?",
    "春江潮水连海平,海上明月共潮生。\n\n  123",
]
TEMPLATE = "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}
SPECIAL = {"eos": ["<|endoftext|>", "<|end|>"], "bos": "<|endoftext|>", "pad": "<|pad|>"}


QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@pytest.fixture(scope="module", params=["gpt2", "qwen2"])
def tokenizer(request) -> Tokenizer:
    made = Tokenizer(models.BPE())
    if request.param == "gpt2":
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        split = pre_tokenizers.Split(Regex(QWEN2), "isolated")
        made.pre_tokenizer = pre_tokenizers.Sequence(
            [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        )
        made.normalizer = normalizers.NFC()
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<|endoftext|>", "<|end|>", "<|pad|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(TEXTS * 3, trainer)
    return made


def build(vocabulary: int, preset: str, **options) -> Language:
    torch.manual_seed(0)
    model = Language(vocabulary, preset=preset, width=32, layers=2, heads=4, groups=2, hidden=48, context=64, **options)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.15) if weight.ndim > 1 else weight.add_(torch.randn_like(weight) * 0.2)
    return model.eval()


CASES = [
    ("qwen3", {}),
    ("qwen3", {"tied": True, "head_width": 16, "theta": 1e6}),
    ("qwen2", {"tied": True, "epsilon": 1e-5}),
    ("llama", {"scaling": LLAMA3, "theta": 5e5}),
    ("llama", {"head_width": 6}),
]


@pytest.mark.parametrize("preset, options", CASES)
@torch.no_grad()
def test_transformers_reads_our_folder(preset, options, tokenizer, tmp_path):
    if preset == "qwen2" and tokenizer.normalizer is None:
        pytest.skip("transformers gives every qwen2 folder Qwen2's own split, whatever tokenizer.json says")
    model = build(tokenizer.get_vocab_size(), preset, **options)
    huggingface.write(tmp_path, model, tokenizer, SPECIAL, TEMPLATE)
    huggingface.write_weights(tmp_path, model)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    assert type(theirs).__name__.lower() == f"{preset}forcausallm"
    words = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        assert words(text)["input_ids"] == ids and words.decode(ids) == text
        given = torch.tensor([ids[:60]])
        assert (theirs(given).logits - model.logits(given)).abs().max() <= 1e-5
    assert (words.eos_token, words.bos_token, words.pad_token) == ("<|endoftext|>", "<|endoftext|>", "<|pad|>")
    assert theirs.generation_config.eos_token_id == [0, 1]
    chat = [{"role": "user", "content": "你好"}]
    assert words.apply_chat_template(chat, tokenize=False) == "<|user|>你好<|end|>"


@pytest.mark.parametrize("preset, options", CASES)
@torch.no_grad()
def test_our_folder_opens_as_it_was(preset, options, tokenizer, tmp_path):
    model = build(tokenizer.get_vocab_size(), preset, **options)
    huggingface.write(tmp_path, model, tokenizer, SPECIAL, TEMPLATE)
    huggingface.write_weights(tmp_path, model)
    opened, words, kept = huggingface.open_folder(tmp_path)
    ids = torch.tensor([tokenizer.encode(TEXTS[0]).ids])
    assert torch.equal(opened.logits(ids), model.logits(ids))
    assert words.encode(TEXTS[0]).ids == ids[0].tolist()
    assert kept["special"] == SPECIAL and kept["chat_template"] == TEMPLATE
    assert all(weight.requires_grad for weight in opened.parameters())


def their_folder(tmp_path, kind: str, tokenizer: Tokenizer, **saving) -> None:
    names = {"qwen3": ("Qwen3Config", "Qwen3ForCausalLM"), "qwen2": ("Qwen2Config", "Qwen2ForCausalLM")}
    config, model = names.get(kind, ("LlamaConfig", "LlamaForCausalLM"))
    extra = {"head_dim": 16} if kind == "qwen3" else {}
    if kind == "llama":
        extra["rope_parameters"] = {"rope_type": "llama3", "rope_theta": 5e5, **LLAMA3}
    torch.manual_seed(1)
    made = getattr(transformers, model)(
        getattr(transformers, config)(
            vocab_size=320, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=kind == "qwen2", eos_token_id=0,
            bos_token_id=None, **extra,
        )
    )  # fmt: skip
    made.to(saving.pop("dtype", torch.float32)).save_pretrained(tmp_path, **saving)
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>").save_pretrained(
        tmp_path
    )
    return made


@pytest.mark.parametrize("kind", ["qwen3", "qwen2", "llama"])
@pytest.mark.parametrize("saving", [{}, {"max_shard_size": "20KB"}, {"dtype": torch.bfloat16}])
@torch.no_grad()
def test_we_read_their_folder(kind, saving, tokenizer, tmp_path):
    their_folder(tmp_path, kind, tokenizer, **saving)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    assert (tmp_path / "model.safetensors.index.json").exists() == ("max_shard_size" in saving)
    model, words, kept = huggingface.open_folder(tmp_path)
    ids = torch.tensor([words.encode("".join(TEXTS)).ids[:60]])
    assert (model.logits(ids) - theirs(ids).logits).abs().max() <= 1e-5
    assert kept["special"]["eos"] == "<|endoftext|>" and model.preset == kind and model.tied == (kind == "qwen2")
    again = Language(320, **kept["options"])
    again.load_state_dict(model.state_dict())


def changed(folder, **values) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


MISTAKES = [
    (lambda f: (f / "config.json").unlink(), "config.json: the file is missing"),
    (lambda f: changed(f, model_type="gpt_neox"), "model_type is 'gpt_neox'.*Known: llama, qwen2, qwen3"),
    (lambda f: changed(f, hidden_act="gelu"), "hidden_act: gelu is not computed here"),
    (lambda f: changed(f, rope_parameters={"rope_type": "yarn", "rope_theta": 1e4}), "type 'yarn'.*default, llama3"),
    (lambda f: changed(f, layer_types=["sliding_attention"] * 2), "layer_types.*not computed here"),
    (lambda f: changed(f, hidden_size=None), "lacks hidden_size"),
    (lambda f: changed(f, hidden_size=64), "weights do not fit its config.json: size mismatch"),
    (
        lambda f: changed(f, vocab_size=100),
        "knows 300 tokens, the model's embedding only 100.*another model's tokenizer",
    ),
    (lambda f: (f / "tokenizer.json").unlink(), "has no tokenizer.json"),
    (lambda f: (f / "tokenizer.json").write_text("{}"), "tokenizer.json: the file is damaged"),
    (lambda f: (f / "model.safetensors").unlink(), "has no model.safetensors"),
    (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "are pickles.*save_pretrained"),
    (lambda f: (f / "model.safetensors").write_bytes(b"x" * 20), "the file is damaged"),
]


@pytest.mark.parametrize("spoil, message", MISTAKES)
def test_what_cannot_be_opened_is_told_in_one_sentence(spoil, message, tokenizer, tmp_path):
    their_folder(tmp_path, "qwen3", tokenizer)
    spoil(tmp_path)
    with pytest.raises(RunError, match=message):
        huggingface.open_folder(tmp_path)


def test_a_special_token_must_be_in_the_tokenizer(tokenizer, tmp_path):
    with pytest.raises(RunError, match="does not know the eos token '</s>'"):
        huggingface.write(tmp_path, build(300, "qwen3"), tokenizer, {"eos": "</s>"})
