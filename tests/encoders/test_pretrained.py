"""A small BERT written by transformers, read, trained on, and opened again without its folder."""

from __future__ import annotations

import builtins
import json
import shutil

import pytest
import torch

import modelwright as mw
from modelwright.blocks.stream import Source, Stream
from modelwright.encoders.pretrained import Pretrained
from modelwright.errors import DataError, MissingExtra, UserError

transformers = pytest.importorskip("transformers")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "film", "play", "##s", "##er", "a"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    path = tmp_path_factory.mktemp("bert")
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.BertConfig(vocab_size=len(WORDS), max_position_embeddings=64, **shape)
    transformers.BertModel(config).save_pretrained(path)
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.enable_padding(length=20)  # as sentence-transformers' folders do
    tokenizer.save(str(path / "tokenizer.json"))
    return path


def rows(count: int = 60) -> list[dict]:
    texts = ["a good film", "a bad film", "good players play", "bad plays", "Good good", "bad"]
    return [{"text": texts[i % 6], "label": "no" if "bad" in texts[i % 6] else "yes"} for i in range(count)]


def recipe(folder, **options) -> dict:
    return {
        "data": rows(),
        "target": "label",
        "columns": {"text": {"max_length": 32}},
        "model": {"encoders": {"text": {"kind": "pretrained", "path": str(folder), **options}}},
        "train": {"epochs": 4, "lr": 0.01, "speed": "fixed"},
        "baselines": False,
    }


def weights(run) -> dict:
    return {name: value for name, value in run.model.state_dict().items() if ".network." in name}


def test_it_gives_what_transformers_gives(folder):
    run = mw.train(recipe(folder, frozen=True))
    encoder, reference = run.model.encoders["of_text"], transformers.AutoModel.from_pretrained(folder).eval()
    column = run.columns["text"]
    ids = column.encode(mw_array(["a good film", "players play"]))
    assert ids.lengths.tolist() == [5, 6]  # [CLS] a good film [SEP]; [CLS] play ##er ##s play [SEP]
    padded, mask = ids.padded()
    found = encoder({"text": torch.from_numpy(padded), "text.mask": torch.from_numpy(mask)})
    pieces = torch.tensor([[2, 10, 4, 6, 3, 0], [2, 7, 9, 8, 7, 3]])
    wanted = reference(input_ids=pieces, attention_mask=torch.from_numpy(mask).long()).last_hidden_state
    assert torch.allclose(found.x[mask], wanted[mask], atol=1e-5)
    assert found.words.tolist() == [[False, True, True, True, False, False], [False, True, False, False, True, False]]
    assert column.tokens(ids).tolist() == [3, 2]


def mw_array(texts):
    import pyarrow as pa

    return pa.array(texts)


def test_frozen_weights_stay_and_tuned_ones_move_more_slowly(folder):
    before = transformers.AutoModel.from_pretrained(folder).state_dict()
    frozen, tuned = mw.train(recipe(folder, frozen=True)), mw.train(recipe(folder, lr_factor=0.1))
    name = "encoder.layer.0.output.dense.weight"
    assert torch.equal(frozen.model.encoders["of_text"].network.state_dict()[name], before[name])
    moved = (tuned.model.encoders["of_text"].network.state_dict()[name] - before[name]).abs().max()
    assert 0 < moved < 4 * 3 * 0.001 * 1.5, "no weight moves further than all steps of a tenth of the rate"
    assert frozen.model.train().encoders["of_text"].network.training is False


def test_a_run_needs_the_folder_no_more(folder, tmp_path):
    copy = tmp_path / "bert"
    shutil.copytree(folder, copy)
    run = mw.train(recipe(copy), out=tmp_path / "run")
    shutil.rmtree(copy)
    again = mw.Run.load(tmp_path / "run")
    assert again.predict(rows(6)).equals(run.predict(rows(6)))
    assert all(torch.equal(value, weights(again)[name]) for name, value in weights(run).items())


def test_a_tagger_reads_the_first_piece_of_each_word(folder):
    random = torch.Generator().manual_seed(0)
    words, data = ["good", "films", "players", "a"], []
    for _ in range(80):
        text = [
            words[i] for i in torch.randint(4, (int(torch.randint(1, 6, (1,), generator=random)),), generator=random)
        ]
        data.append({"text": text, "tags": ["B-X" if word == "players" else "O" for word in text]})
    given = {**recipe(folder), "data": data, "target": "tags", "columns": {"text": {"max_length": 32}, "tags": "tags"}}
    given["model"]["encoders"]["text"].pop("frozen", None)
    run = mw.train({**given, "train": {"epochs": 10, "lr": 0.02, "speed": "fixed"}})
    assert run.metrics["test"]["tags"]["f1"] > 0.9
    assert run.predict([{"text": ["players", "a", "films"]}])["tags"].to_pylist() == [["B-X", "O", "O"]]


def test_words_are_picked_out_of_pieces():
    stream = Stream(torch.arange(10.0).view(2, 5, 1), words=torch.tensor([[0, 1, 0, 1, 0], [0, 1, 0, 0, 0]]).bool())
    found = stream.by_word()
    assert found.x[..., 0].tolist()[0] == [1, 3] and found.x[1, 0, 0] == 6
    assert found.mask.tolist() == [[True, True], [True, False]]


def test_a_folder_that_cannot_be_used_is_refused(folder, tmp_path):
    with pytest.raises(UserError, match="there is no such folder"):
        mw.train(recipe(tmp_path / "nothing"))
    with pytest.raises(UserError, match="package 'no_such_package' is not installed"):
        mw.train(recipe("package:no_such_package/model"))
    copy = tmp_path / "bert"
    shutil.copytree(folder, copy)
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(DataError, match=r"pickles \(pytorch_model.bin\).*convert them: python -c"):
        mw.train(recipe(copy))
    (copy / "pytorch_model.bin").unlink()
    with pytest.raises(DataError, match=r"has no model\.safetensors"):
        mw.train(recipe(copy))
    (copy / "tokenizer.json").unlink()
    with pytest.raises(DataError, match=r"no tokenizer.json in .*AutoTokenizer"):
        mw.train(recipe(copy))
    (copy / "config.json").write_text(json.dumps({"model_type": "nothing"}))
    (copy / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    with pytest.raises(UserError, match="the encoder cannot be built"):
        mw.train(recipe(copy))


def test_without_transformers_the_extra_is_named(folder, monkeypatch):
    imported = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.partition(".")[0] == "transformers":
            raise ImportError(name)
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtra, match=r"modelwright\[pretrained\]"):
        Pretrained(Source("text", "text", {"vocabulary": 22, "length": 5, "pieces": 11}), path=str(folder))
