from __future__ import annotations

import io
import re

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

RANDOM = np.random.default_rng(0)
COLOUR = RANDOM.integers(0, 256, (6, 5, 7, 3), np.uint8)
GREY = RANDOM.integers(0, 256, (6, 5, 4), np.uint8)


def tensors(pixels):
    return pa.FixedShapeTensorArray.from_numpy_ndarray(np.ascontiguousarray(pixels))


def png(pixels) -> bytes:
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "PNG")
    return held.getvalue()


def test_tensors_are_not_copied(fitted):
    values = tensors(COLOUR)
    column = fitted("image", values)
    out = column.encode(values)
    assert np.array_equal(out, COLOUR) and np.shares_memory(out, values.storage.flatten().to_numpy())
    assert np.array_equal(column.encode(values[2:4]), COLOUR[2:4])
    scaled = COLOUR / 255
    assert np.allclose(column.mean, scaled.mean((0, 1, 2))) and np.allclose(column.deviation, scaled.std((0, 1, 2)))
    assert column.sizes()["height"] == 5 and column.sizes()["width"] == 7 and column.sizes()["channels"] == 3


@pytest.mark.parametrize(
    "values",
    [
        tensors(np.moveaxis(COLOUR, -1, 1)),
        pa.array(COLOUR.tolist()),
        pa.array(COLOUR.tolist(), pa.list_(pa.list_(pa.list_(pa.uint8())))),
        pa.array([png(one) for one in COLOUR]),
        pa.array([{"bytes": png(one), "path": "x.png"} for one in COLOUR]),
        tensors(COLOUR.astype(np.float32)),
        tensors((COLOUR / 255).astype(np.float64)),
        tensors(COLOUR.astype(np.int32)),
    ],
    ids=["channels first", "lists", "typed lists", "png", "structs", "floats", "floats in 0..1", "integers"],
)
def test_every_sort_of_cell_gives_the_same_pixels(fitted, values):
    assert np.array_equal(fitted("image", values).encode(values), COLOUR)


def test_grey_is_one_channel(fitted):
    for values in (tensors(GREY), tensors(GREY[..., None]), tensors(np.repeat(GREY[..., None], 3, -1)),
                   pa.array([png(one) for one in GREY])):  # fmt: skip
        column = fitted("image", values)
        assert column.channels == 1 and np.array_equal(column.encode(values)[..., 0], GREY)
    assert np.array_equal(fitted("image", tensors(GREY), mode="rgb").encode(tensors(GREY))[..., 2], GREY)
    luma = fitted("image", tensors(COLOUR), mode="grey").encode(tensors(COLOUR))[..., 0]
    pillow = np.stack([np.asarray(Image.fromarray(one).convert("L")) for one in COLOUR])
    assert np.abs(luma.astype(int) - pillow).max() <= 1


def test_files_and_the_most_frequent_size(fitted, tmp_path):
    paths = []
    for i, size in enumerate([(200, 100), (200, 100), (30, 30)]):
        paths.append(str(tmp_path / f"{i}.jpg"))
        Image.new("RGB", size, (250, 10, 10)).save(paths[-1])
    column = fitted("image", paths)
    assert (column.height, column.width) == (32, 64), "shrunk in proportion to 64"
    out = column.encode(pa.array(paths))
    assert out.shape == (3, 32, 64, 3) and np.abs(out[..., 0].astype(int) - 250).max() < 6
    assert fitted("image", paths, size=(8, 9)).encode(pa.array(paths)).shape == (3, 8, 9, 3)
    assert fitted("image", paths, size=7).encode(tensors(COLOUR)).shape == (6, 7, 7, 3)


def test_unreadable_images_are_black_and_named(fitted, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(png(COLOUR[0])[:60])
    values = pa.array([str(broken), "/no/such.png", None])
    column = fitted("image", tensors(COLOUR))
    out = column.encode(values)
    assert not out.any() and out.shape == (3, 5, 7, 3)
    assert "2 of 3 images cannot be read" in column.problems[0] and "broken.png" in column.problems[0]
    column.encode(values)
    assert len(column.problems) == 1 and "4 of 6 images" in column.problems[0], "one problem for all chunks"


def test_missing_tensors_are_black(fitted):
    kind = pa.fixed_shape_tensor(pa.uint8(), [2, 2])
    storage = pa.array([[1, 2, 3, 4], None, [5, 6, 7, 8]], kind.storage_type)
    values = pa.ExtensionArray.from_storage(kind, storage)
    assert fitted("image", values).encode(values)[..., 0].tolist() == [
        [[1, 2], [3, 4]],
        [[0, 0], [0, 0]],
        [[5, 6], [7, 8]],
    ]


def test_flat_lists_are_square_or_of_the_given_size(fitted):
    flat = pa.array(GREY.reshape(6, 20).tolist())
    assert np.array_equal(fitted("image", flat, size=(5, 4)).encode(flat)[..., 0], GREY)
    square = pa.array(GREY[:, :4].reshape(6, 16).tolist())
    assert np.array_equal(fitted("image", square).encode(square)[..., 0], GREY[:, :4])


def test_small_ranges_are_widened(fitted):
    values = tensors(np.array([[[0.0, 8.0], [16.0, 4.0]]]))
    assert fitted("image", values).encode(values)[0, ..., 0].tolist() == [[0, 128], [255, 64]]


def test_sixteen_bits(fitted):
    held = io.BytesIO()
    Image.fromarray(np.array([[0, 65535], [256, 32768]], np.uint16)).save(held, "PNG")
    values = pa.array([held.getvalue()])
    assert fitted("image", values).encode(values)[0, ..., 0].tolist() == [[0, 255], [1, 128]]


def packed(picture: Image.Image, form: str, **options) -> bytes:
    held = io.BytesIO()
    picture.save(held, form, **options)
    return held.getvalue()


HALVES = np.zeros((6, 8, 3), np.uint8)
HALVES[:, :4], HALVES[:, 4:] = (200, 30, 30), (20, 40, 220)
PICTURE = Image.fromarray(HALVES)
LIGHT = np.asarray(PICTURE.convert("L"))


@pytest.mark.parametrize(
    "cell",
    [
        packed(PICTURE.convert("CMYK"), "JPEG", quality=95),
        packed(PICTURE.convert("CMYK"), "TIFF"),
        packed(PICTURE.convert("YCbCr"), "JPEG", quality=95),
        packed(PICTURE.quantize(4), "PNG"),
        packed(PICTURE.quantize(4), "PNG", transparency=0),
        packed(PICTURE.quantize(4), "GIF", save_all=True, append_images=[Image.new("P", (8, 6))]),
        packed(PICTURE.convert("RGBA"), "PNG"),
        packed(PICTURE, "WEBP", lossless=True),
        packed(PICTURE.resize((80, 60), Image.Resampling.NEAREST), "PNG"),
    ],
    ids=["cmyk", "cmyk tiff", "ycbcr", "palette", "transparent palette", "moving", "alpha", "webp", "larger"],
)
def test_every_mode_of_colour_gives_the_same_colours(fitted, cell):
    out = fitted("image", pa.array([cell]), size=(6, 8), mode="rgb").encode(pa.array([cell]))[0].astype(int)
    assert np.abs(out[:, [1, 6]] - HALVES[:, [1, 6]]).max() <= 4


@pytest.mark.parametrize(
    "cell",
    [
        packed(Image.fromarray(LIGHT.astype(np.uint16) * 257), "PNG"),
        packed(Image.fromarray(LIGHT.astype(np.uint16) * 257), "TIFF"),
        packed(Image.fromarray(LIGHT.astype(np.int32) * 257), "TIFF"),
        packed(Image.fromarray(LIGHT.astype(np.int32) * 2**22), "TIFF"),
        packed(Image.fromarray(LIGHT.astype(np.float32) / 255), "TIFF"),
        packed(Image.fromarray(LIGHT.astype(np.float32)), "TIFF"),
        packed(PICTURE.convert("LA"), "PNG"),
    ],
    ids=["16 bits", "16 bits tiff", "32 bits", "32 bits, all used", "floats in 0..1", "floats", "grey with alpha"],
)
def test_every_depth_of_grey_gives_the_same_grey(fitted, cell):
    out = fitted("image", pa.array([cell])).encode(pa.array([cell]))[0, ..., 0]
    scale = 0.5 if cell == packed(Image.fromarray(LIGHT.astype(np.int32) * 2**22), "TIFF") else 1
    assert np.abs(out - LIGHT * scale).max() <= 1


THIRDS = HALVES.copy()
THIRDS[:3, :4] = 240  # no two ways of lying look alike
LYING = {  # EXIF's orientation -> the pixels as a camera stores them, of the picture as it is shown
    1: THIRDS, 2: THIRDS[:, ::-1], 3: THIRDS[::-1, ::-1], 4: THIRDS[::-1],
    5: THIRDS.transpose(1, 0, 2), 6: np.rot90(THIRDS), 7: THIRDS[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(THIRDS, -1),
    9: THIRDS,
}  # fmt: skip


@pytest.mark.parametrize("orientation", LYING)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_pictures_of_a_turned_camera_stand_upright(fitted, orientation, form):
    exif = Image.Exif()
    exif[274] = orientation
    stored = Image.fromarray(np.ascontiguousarray(LYING[orientation]).repeat(8, 0).repeat(8, 1))
    options = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(form, {})
    values = pa.array([packed(stored, form, exif=exif, **options)])
    for size in (None, (6, 8)):  # a small one makes the reader take the JPEG at a fraction of its size
        column = fitted("image", values, size=size)
        out = column.encode(values)[0].astype(int)
        assert out.shape[:2] == (size or (48, 64))
        scale = out.shape[0] // 6
        for y, x in ((1, 1), (1, 6), (4, 1), (4, 6)):
            assert np.abs(out[y * scale, x * scale] - THIRDS[y, x]).max() <= 6


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        (b"", "it is no picture"),
        (b"<html>404</html>", "it is no picture"),
        (packed(PICTURE.convert("CMYK"), "JPEG")[:-300], "Truncated File Read"),
        (packed(Image.fromarray(RANDOM.integers(0, 256, (60, 60, 3), np.uint8)), "JPEG")[:2000], "truncated"),
        (packed(PICTURE, "PNG")[:60], "truncated|broken|Truncated"),
        (b"P6 60000 60000 255\n" + bytes(100), "exceeds limit"),
    ],
    ids=["empty", "a web page", "no more than a head", "half a JPEG", "half a PNG", "a bomb"],
)
def test_what_is_no_whole_picture_is_black_and_told(fitted, cell, why):
    column = fitted("image", tensors(COLOUR))
    assert not column.encode(pa.array([cell])).any()
    assert re.search(
        rf"1 of 1 images cannot be read and count as black; the first: row 0, its data: .*({why})", column.problems[0]
    )
