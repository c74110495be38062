"""Augmentation: what each change keeps, that rows differ, that the generator alone decides."""

import numpy as np
import pytest
import torch

from modelwright import parts
from modelwright.data import augmentation
from modelwright.data.batches import generator
from modelwright.errors import UserError

PICTURES = torch.from_numpy(np.random.default_rng(0).integers(1, 256, (64, 12, 10, 3), np.uint8))
CHANGES = [
    name for name in parts.kinds("data.augmentation") if name not in ("mirror", "mixup", "resize", "word_dropout")
]


def changed(kind, images=PICTURES, seed=0, **options):
    return parts.find("data.augmentation", kind)(images, generator(seed), **options)


def test_every_kind_is_found():
    assert {*CHANGES, "mirror", "mixup", "resize"} == {
        "brightness", "crop", "cutout", "flip", "mirror", "mixup", "resize", "rotate", "shift", "zoom"
    }  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_pictures_stay_pictures_and_rows_are_changed_each_on_its_own(kind):
    out = changed(kind)
    assert out.dtype == torch.uint8 and out.shape == PICTURES.shape
    assert torch.equal(out, changed(kind)) and not torch.equal(out, changed(kind, seed=1))
    same = PICTURES[:1].expand_as(PICTURES)
    assert len(torch.unique(changed(kind, same).flatten(1), dim=0)) > 1
    assert torch.equal(PICTURES, torch.from_numpy(np.random.default_rng(0).integers(1, 256, (64, 12, 10, 3), np.uint8)))


@pytest.mark.parametrize("vertical", [False, True])
def test_flipping_twice_is_no_change(vertical):
    once = changed("flip", probability=1.0, vertical=vertical)
    assert torch.equal(once, PICTURES.flip(1 if vertical else 2))
    assert torch.equal(changed("flip", once, probability=1.0, vertical=vertical), PICTURES)
    assert torch.equal(changed("flip", probability=0.0), PICTURES)
    half = (changed("flip") != PICTURES).flatten(1).any(1).float().mean()
    assert 0.3 < half < 0.7


def test_shift_moves_what_is_inside_and_fills_with_black():
    images = torch.zeros(200, 9, 9, 1, dtype=torch.uint8)
    images[:, 3:6, 3:6] = 100
    moved = changed("shift", images, pixels=3)
    assert (moved.flatten(1).sum(1) == 900).all()  # nothing left the picture
    centres = moved[..., 0].float().flatten(1) @ torch.cartesian_prod(torch.arange(9.0), torch.arange(9.0)) / 900
    assert set(centres.round().int().flatten().tolist()) == {1, 2, 3, 4, 5, 6, 7}
    out = changed("shift", torch.full((200, 9, 9, 1), 7, dtype=torch.uint8), pixels=2)
    assert set(out.unique().tolist()) == {0, 7}
    assert torch.equal(changed("shift", pixels=0), PICTURES)


def test_crop_is_a_window_of_the_bordered_picture():
    for fill, mode in (("reflect", "reflect"), ("zero", "constant")):
        out = changed("crop", padding=3, fill=fill)
        bordered = np.pad(PICTURES.numpy(), ((0, 0), (3, 3), (3, 3), (0, 0)), mode=mode)
        for row in range(16):
            windows = np.lib.stride_tricks.sliding_window_view(bordered[row], (12, 10, 3))[:, :, 0]
            assert (windows == out[row].numpy()).all((2, 3, 4)).any()


def test_cutout_blackens_one_square():
    white = torch.full((300, 12, 12, 3), 255, dtype=torch.uint8)
    out = changed("cutout", white, size=4)
    black = (out == 0).all(-1).flatten(1).sum(1)
    assert black.max() == 16 and black.min() >= 4  # a quarter remains at a corner
    assert ((out == 0) | (out == 255)).all()
    assert torch.equal(changed("cutout", white, probability=0.0), white)


def test_rotation_by_nothing_and_around_the_centre():
    assert torch.equal(changed("rotate", degrees=0.0), PICTURES)
    images = torch.zeros(50, 11, 11, 1, dtype=torch.uint8)
    images[:, 5, 5] = 200
    assert (changed("rotate", images, degrees=180.0)[:, 5, 5] == 200).all()


def test_pictures_are_small_in_the_first_epochs_only():
    change = augmentation.build([{"kind": "resize", "size": 6, "epochs": 2}], ["image"], {})
    sides = [change({"image": PICTURES}, generator(0), epoch)["image"].shape[1:3] for epoch in range(4)]
    assert sides == [(6, 5), (6, 5), (12, 10), (12, 10)]
    small = change({"image": PICTURES}, generator(0), 0)["image"]
    assert small.dtype == torch.uint8 and abs(small.float().mean() - PICTURES.float().mean()) < 1
    white = torch.full_like(PICTURES, 255)
    assert (change({"image": white}, generator(0), 0)["image"] == 255).all()


def test_mixup_mixes_inputs_and_targets_alike():
    rows = 500
    codes = torch.arange(rows) % 3
    batch = {
        "number": codes[:, None].float() * 10,
        "image": (codes * 100).to(torch.uint8)[:, None, None, None].expand(rows, 2, 2, 1).contiguous(),
        "target.y": codes,
        "target.size": codes.float(),
    }
    out = augmentation.build([{"kind": "mixup", "alpha": 0.5}], ["image"], {"y": 3})(batch, generator(1))
    shares = out["target.y"]
    assert shares.shape == (rows, 3) and torch.allclose(shares.sum(1), torch.ones(rows))
    expected = shares @ torch.arange(3.0)
    assert torch.allclose(out["number"][:, 0], expected * 10, atol=1e-4)
    assert torch.allclose(out["target.size"], expected, atol=1e-5)
    assert out["image"].dtype == torch.uint8
    assert ((out["image"][:, 0, 0, 0].float() - expected * 100).abs() <= 0.51).all()
    assert 0 < (shares.max(1).values < 0.99).float().mean() < 1
    assert batch["target.y"].dtype == torch.int64


def test_mixup_counts_nothing_for_missing_targets():
    batch = {
        "number": torch.zeros(200, 1),
        "target.y": torch.tensor([-1, 0, 1, 1] * 50),
        "target.x": torch.tensor([np.nan, 1] * 100),
    }
    out = augmentation.build(["mixup"], [], {"y": 2})(batch, generator(0))
    totals = out["target.y"].sum(1)
    assert (totals[::4] == 0).all() and set(totals.round().tolist()) == {0.0, 1.0}
    assert out["target.x"][::2].isnan().all()


def test_zooming_keeps_the_centre_and_changes_the_size():
    assert torch.equal(changed("zoom", share=0.0), PICTURES)
    images = torch.zeros(400, 21, 21, 1, dtype=torch.uint8)
    images[:, 6:15, 6:15] = 100
    sides = (changed("zoom", images, share=0.5)[:, 10, :, 0] == 100).sum(1)
    assert sides.min() in (5, 6, 7) and sides.max() in (13, 14) and (changed("zoom", images)[:, 10, 10] == 100).all()
    assert torch.equal(changed("zoom", images, share=0.5), changed("zoom", images, share=0.5).flip(1).flip(2))


def test_brightness_is_one_line_for_all_pixels_of_a_picture():
    assert torch.equal(changed("brightness", shift=0.0, contrast=0.0), PICTURES)
    grey = torch.full((300, 4, 4, 3), 128, dtype=torch.uint8)
    light = changed("brightness", grey, shift=0.2)
    assert (light == light[:, :1, :1, :1]).all() and light.min() < 85 and light.max() > 170 and light.max() <= 180
    ramp = torch.arange(0, 250, 10, dtype=torch.uint8).view(1, 5, 5, 1).expand(300, 5, 5, 1)
    spans = changed("brightness", ramp, shift=0.0, contrast=0.3).flatten(1).float()
    spans = spans[:, 18] - spans[:, 8]
    assert 70 <= spans.min() < 80 and 120 < spans.max() <= 131


def test_a_mirrored_row_turns_the_other_way():
    batch = {"image": PICTURES, "target.steering": torch.linspace(-1, 2, 64), "target.speed": torch.ones(64)}
    change = augmentation.build(
        [{"kind": "mirror", "negate": ["steering"]}], ["image"], {}, {"steering": 0.25, "speed": 0}
    )
    out = change(batch, generator(2))
    turned = (out["image"] != PICTURES).flatten(1).any(1)
    assert 0.3 < turned.float().mean() < 0.7 and torch.equal(out["image"][turned], PICTURES[turned].flip(2))
    expected = torch.where(turned, 0.5 - batch["target.steering"], batch["target.steering"])
    assert torch.equal(out["target.steering"], expected) and out["target.speed"] is batch["target.speed"]
    assert torch.equal(change(batch, generator(2))["image"], out["image"])
    with pytest.raises(
        UserError, match=r"train.augment.0.negate: 'steer' is no target of numbers. Did you mean 'steering'"
    ):
        augmentation.build([{"kind": "mirror", "negate": ["steer"]}], ["image"], {}, {"steering": 0.0})


def test_changes_follow_each_other_and_leave_the_rest_alone():
    change = augmentation.build(["flip", {"kind": "crop", "padding": 2}], ["image"], {})
    batch = {"image": PICTURES, "note": torch.ones(64, 3, dtype=torch.int32), "target.y": torch.arange(64)}
    out = change(batch, generator(4))
    random = generator(4)
    by_hand = augmentation.crop(augmentation.flip(PICTURES, random), random, padding=2)
    assert torch.equal(out["image"], by_hand)
    assert out["note"] is batch["note"] and out["target.y"] is batch["target.y"] and batch["image"] is PICTURES
    assert augmentation.build([], ["image"], {}) is None


@pytest.mark.parametrize(
    ("recipe", "images", "message"),
    [
        (["flp"], ["image"], "'flp' is not a kind of data.augmentation. Did you mean 'flip'?"),
        (["flip", {"kind": "shift", "pixel": 2}], ["image"],
         "data.augmentation.shift.pixel: no such option. Did you mean 'pixels'?"),
        ([{"kind": "shift", "pixels": "two"}], ["image"],
         "data.augmentation.shift.pixels: expected a whole number, given 'two'."),
        (["flip"], [], "train.augment: flip changes pictures, and there is no image column."),
        (["word_dropout"], ["image"], "train.augment: word_dropout changes texts, and there is no column of words or items."),
    ],
)  # fmt: skip
def test_mistakes_in_the_recipe(recipe, images, message):
    with pytest.raises(UserError) as caught:
        augmentation.build(recipe, images, {})
    assert str(caught.value) == message


def test_mistakes_that_only_the_data_show():
    with pytest.raises(UserError) as caught:
        changed("shift", pixels=10)
    assert str(caught.value) == "train.augment: 10 pixels are too many for pictures of 12 x 10."
    with pytest.raises(UserError) as caught:
        augmentation.build(["mixup"], [], {})({"category": torch.zeros(3, 1, dtype=torch.int32)}, generator(0))
    assert str(caught.value) == (
        "train.augment: mixup cannot mix 'category': categories and texts have no values in between. "
        "Use it with pictures and numbers."
    )


def test_word_dropout_makes_some_words_unknown_and_leaves_padding_and_targets():
    ids = torch.randint(2, 50, (40, 30), dtype=torch.int32)
    ids[:, 20:] = 0
    batch = {"text": ids, "number": torch.ones(40, 2), "target.next": ids.long()}
    out = augmentation.build([{"kind": "word_dropout", "share": 0.25}], [], {}, texts=["text"])(batch, generator(3))
    changed = out["text"] != ids
    assert (out["text"][changed] == 1).all() and not changed[:, 20:].any() and out["text"].dtype == ids.dtype
    assert 0.2 < changed[:, :20].float().mean() < 0.3
    assert torch.equal(out["target.next"], batch["target.next"]) and torch.equal(out["number"], batch["number"])
