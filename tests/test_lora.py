"""LoRA: what is trained, that merging changes nothing, and that PEFT reads and writes the same adapters."""

from __future__ import annotations

import json

import pytest
import torch

from modelwright import huggingface, lora, optimizers, parts
from modelwright.errors import RunError, UserError
from modelwright.models.language import Language

IDS = torch.arange(24).view(2, 12)


def build() -> Language:
    torch.manual_seed(0)
    model = Language(40, preset="qwen2", width=32, layers=2, heads=4, groups=2, context=32)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.3)
    return model.eval()


def adapted(**options) -> Language:
    model = build()
    lora.adapt(model, **options)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.3)
    return model


def test_it_begins_as_the_model_and_trains_the_change_only():
    model = build()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    logits = model.logits(IDS)
    lora.adapt(model, rank=4, targets=("q_proj", "down_proj"))
    assert torch.equal(model.logits(IDS), logits)
    optimizer = optimizers.adamw(model, lr=0.05)
    losses = []
    for _ in range(5):
        total, count = model({"ids": IDS, "labels": IDS.roll(-1, 1)})["text"]
        (total / count).backward()
        losses.append(float(total.detach()))
        optimizer.step()
        optimizer.zero_grad()
    assert losses[-1] < losses[0]
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert len(trained) == 8 and all("lora_" in name for name in trained)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in before.items())


def test_merging_changes_nothing_and_gives_a_plain_model():
    model = adapted()
    with torch.no_grad():
        logits = model.logits(IDS)
        assert not torch.allclose(logits, build().logits(IDS), atol=1e-2)
        lora.merge(model)
        assert torch.allclose(model.logits(IDS), logits, atol=1e-4)
    assert model.state_dict().keys() == build().state_dict().keys()
    assert all(weight.requires_grad for weight in model.parameters())


@torch.no_grad()
def test_an_adapter_comes_back(tmp_path):
    model, other = adapted(rank=3, alpha=5.0), build()
    lora.write_adapter(tmp_path, model)
    lora.read_adapter(tmp_path, other)
    assert torch.equal(other.logits(IDS), model.logits(IDS))
    assert [n for n, w in other.named_parameters() if w.requires_grad] == [
        n for n, w in model.named_parameters() if w.requires_grad
    ]


def base_folder(tmp_path):
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models

    huggingface.write(tmp_path, build(), Tokenizer(models.WordLevel({"a": 0}, unk_token="a")), {})
    huggingface.write_weights(tmp_path, build())
    return transformers.AutoModelForCausalLM.from_pretrained(tmp_path)


@torch.no_grad()
def test_peft_reads_our_adapter(tmp_path):
    peft = pytest.importorskip("peft")
    theirs, model = base_folder(tmp_path), adapted(rank=4, alpha=8.0, targets=("q_proj", "v_proj", "up_proj"))
    lora.write_adapter(tmp_path / "adapter", model, str(tmp_path))
    read = peft.PeftModel.from_pretrained(theirs, tmp_path / "adapter").eval()
    assert (read(IDS).logits - model.logits(IDS)).abs().max() <= 1e-4
    lora.merge(model)
    assert (read(IDS).logits - model.logits(IDS)).abs().max() <= 1e-4


@torch.no_grad()
def test_we_read_an_adapter_of_peft(tmp_path):
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(r=4, lora_alpha=6, target_modules=["k_proj", "o_proj"], init_lora_weights=False)
    theirs = peft.get_peft_model(base_folder(tmp_path), config).eval()
    theirs.save_pretrained(tmp_path / "adapter")
    model = build()
    lora.read_adapter(tmp_path / "adapter", model)
    assert (theirs(IDS).logits - model.logits(IDS)).abs().max() <= 1e-4


def test_options_are_documented_and_mistakes_told(tmp_path):
    assert set(parts.options(lora.adapt)) == set(parts.option_help(lora.adapt))
    with pytest.raises(UserError, match=r"no dense layer 'q_prj'. Did you mean 'q_proj'"):
        lora.adapt(build(), targets=("q_prj",))
    with pytest.raises(RunError, match=r"no readable adapter_config.json"):
        lora.read_adapter(tmp_path, build())
    lora.write_adapter(tmp_path, adapted(rank=2))
    with pytest.raises(RunError, match=r"does not fit the model|another model's adapter"):
        lora.read_adapter(tmp_path, Language(40, width=64, layers=2, heads=4))
    config = tmp_path / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "use_dora": True}))
    with pytest.raises(RunError, match="use_dora: True is not computed here"):
        lora.read_adapter(tmp_path, build())
