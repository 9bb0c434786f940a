"""Decoding and resizing of images of all formats."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from lsgan_tf.data.images import decode

pytestmark = pytest.mark.fast

LOSSLESS = {"PNG": {}, "BMP": {}, "GIF": {}, "WEBP": {"lossless": True}}


def encoded(image, kind, **options):
    sink = io.BytesIO()
    image.save(sink, kind, **options)
    return sink.getvalue()


def pixels(content, size=4, **options):
    return decode.to_size(decode.decode(content), size, crop=False, **options)


@pytest.fixture
def four_colours():
    """Red, green, blue and grey quadrants, 4x4."""
    array = np.zeros((4, 4, 3), np.uint8)
    array[:2, :2], array[:2, 2:] = (255, 0, 0), (0, 255, 0)
    array[2:, :2], array[2:, 2:] = (0, 0, 255), (128, 128, 128)
    return array


@pytest.mark.parametrize("kind", LOSSLESS)
def test_formats_are_told_by_their_bytes(four_colours, kind):
    content = encoded(Image.fromarray(four_colours), kind, **LOSSLESS[kind])
    assert decode.sniff(content) == kind.lower()
    np.testing.assert_array_equal(pixels(content), four_colours)


def test_jpeg_within_its_loss(four_colours):
    big = np.kron(four_colours, np.ones((8, 8, 1), np.uint8))
    content = encoded(Image.fromarray(big), "JPEG", quality=95, subsampling=0)
    assert decode.sniff(content) == "jpeg"
    assert np.abs(pixels(content, 32).astype(int) - big).max() < 12


def test_grey_becomes_rgb_and_the_reverse(four_colours):
    grey = Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4))
    found = pixels(encoded(grey, "PNG"))
    for channel in range(3):
        np.testing.assert_array_equal(found[..., channel].ravel(), np.arange(16))
    found = pixels(encoded(Image.fromarray(four_colours), "PNG"), channels=1)
    assert found.shape == (4, 4, 1)
    assert found[0, 0, 0] == round(0.299 * 255)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparency_is_laid_on_white(kind):
    array = np.zeros((4, 4, 4), np.uint8)
    array[..., 0], array[:2, :, 3], array[2, :, 3] = 200, 255, 127
    found = pixels(encoded(Image.fromarray(array), kind, **LOSSLESS[kind]))
    assert found[0, 0].tolist() == [200, 0, 0]
    assert found[3, 3].tolist() == [255, 255, 255]
    np.testing.assert_allclose(found[2, 0], [227, 128, 128], atol=1)


def test_other_kinds_of_transparency():
    palette = Image.fromarray(np.zeros((4, 4), np.uint8)).convert("P")
    palette.putpalette([9, 99, 199] * 256)
    assert pixels(encoded(palette, "PNG"))[0, 0].tolist() == [9, 99, 199]
    assert pixels(encoded(palette, "PNG", transparency=0))[0, 0].tolist() == [255] * 3
    half = Image.new("LA", (4, 4), (10, 0))
    assert pixels(encoded(half, "PNG"))[0, 0].tolist() == [255] * 3
    for mode, colour in (("RGB", (1, 2, 3)), ("L", 7)):
        keyed = encoded(Image.new(mode, (4, 4), colour), "PNG", transparency=colour)
        assert pixels(keyed)[0, 0].tolist() == [255] * 3


def png(depth, kind, row, transparent, interlaced=0):
    """A PNG of one row in a format that Pillow does not write."""

    def chunk(name, content):
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    width = 8 * len(row) // depth // (3 if kind == 2 else 1)
    header = struct.pack(">IIBBBBB", width, 1, depth, kind, 0, 0, interlaced)
    # With interlacing four columns make three passes: 0; none of its own; 2; none; 1 and 3.
    size = len(row) // width if depth >= 8 else 0
    passes = [row[:size], row[2 * size : 3 * size], row[size : 2 * size] + row[3 * size :]]
    lines = passes if interlaced else [row]
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"tRNS", transparent)
        + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + line for line in lines)))
        + chunk(b"IEND", b"")
    )


def big_endian(*numbers):
    return struct.pack(f">{len(numbers)}H", *numbers)


WHITE = [255, 255, 255]


DECLARED = [
    (1, 0, bytes([0b01010101]), big_endian(0), [255] * 8),
    (1, 0, bytes([0b01010101]), big_endian(1), [0, 255] * 4),
    (2, 0, bytes([0b00011011]), big_endian(1), [0, 255, 170, 255]),
    (4, 0, bytes([0x05, 0x6E]), big_endian(5), [0, 255, 102, 238]),
    (8, 0, bytes([0, 10, 11, 254]), big_endian(10), [0, 255, 11, 254]),
    (16, 0, big_endian(0, 1000, 1001, 65_000), big_endian(1000), [0, 255, 3, 253]),
    (16, 0, big_endian(0, 1000, 1001, 65_000), big_endian(65_000), [0, 3, 3, 255]),
    (8, 2, bytes([1, 2, 3, 1, 2, 4, 0, 0, 0, 9, 9, 9]), big_endian(1, 2, 3),
     [WHITE, [1, 2, 4], [0, 0, 0], [9, 9, 9]]),
    (16, 2, big_endian(256, 512, 770, 256, 512, 771, 257, 512, 770, 0, 0, 0),
     big_endian(256, 512, 770), [WHITE, [1, 2, 3], [1, 2, 3], [0, 0, 0]]),
]  # fmt: skip
# Rows of part of a byte are not interlaced by hand here.
INTERLACED = [(*case, 1) for case in DECLARED if case[0] >= 8]


@pytest.mark.parametrize(
    ("depth", "kind", "row", "transparent", "expected", "interlaced"),
    [*((*case, 0) for case in DECLARED), *INTERLACED],
)
def test_a_colour_that_is_declared_transparent(depth, kind, row, transparent, expected, interlaced):
    image = decode.decode(png(depth, kind, row, transparent, interlaced)).convert("RGB")
    found = np.asarray(image)[0]
    if kind == 0:
        expected = [[level] * 3 for level in expected]
    assert found.tolist() == expected


@pytest.mark.parametrize("mode", ["LA", "La", "PA", "RGBA", "RGBa"])
def test_every_mode_with_alpha(mode):
    image = Image.new("RGBA", (4, 4), (10, 10, 10, 0))
    image.putpixel((0, 0), (10, 10, 10, 255))
    if mode == "PA":
        image = Image.new("PA", (4, 4))
        image.putpalette([10, 10, 10] * 256)
        image.putpixel((0, 0), (0, 255))
    else:
        image = image.convert("LA" if mode in ("LA", "La") else "RGBA").convert(mode)
    found = decode.pixels(image)
    assert (found.getpixel((0, 0)), found.getpixel((1, 1))) == ((10, 10, 10), (255, 255, 255))


def test_a_declared_colour_and_an_orientation():
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = Image.fromarray(np.array([[1000, 40_000]], np.uint16))
    image = decode.decode(encoded(deep, "PNG", transparency=1000, exif=exif))
    assert image.size == (1, 2)
    assert np.asarray(image.convert("L")).ravel().tolist() == [255, 40_000 >> 8]


def test_large_images_are_read_without_a_warning(monkeypatch):
    """Images beyond twice Pillow's limit are rejected, as by Pillow; in between it warns."""
    content = encoded(Image.new("L", (20, 20), 7), "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode.decode(content).getpixel((3, 3)) == 7
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 199)
    with pytest.raises(decode.Undecodable, match="400 pixels, at most 398 are read"):
        decode.decode(content)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert decode.decode(content).size == (20, 20)


def test_sixteen_bits_are_cut_to_eight():
    deep = np.array([[0, 255, 256, 65535], [0x1234] * 4, [0x8000] * 4, [0x80FF] * 4], np.uint16)
    found = pixels(encoded(Image.fromarray(deep), "PNG"))[..., 0]
    np.testing.assert_array_equal(found, deep >> 8)


def test_one_bit_and_cmyk():
    bits = Image.fromarray(np.eye(4, dtype=bool))
    np.testing.assert_array_equal(pixels(encoded(bits, "PNG"))[..., 1], np.eye(4) * 255)
    ink = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    cyan = pixels(encoded(ink, "JPEG", quality=100), 8)[4, 4]
    np.testing.assert_allclose(cyan, [0, 255, 255], atol=3)


def test_exif_orientation_is_obeyed(four_colours):
    big = Image.fromarray(np.kron(four_colours, np.ones((16, 8, 1), np.uint8)))
    exif = Image.Exif()
    exif[0x0112] = 6  # Turn by 90 degrees clockwise to see it upright.
    image = decode.decode(encoded(big, "JPEG", quality=95, subsampling=0, exif=exif))
    assert image.size == (64, 32)
    found = decode.to_size(image, 4, crop=False).astype(int)
    turned = np.rot90(four_colours, -1).astype(int)
    # Away from the borders between the quarters, which the filter blurs.
    assert np.abs(found - turned)[[0, 0, 3, 3], [0, 3, 0, 3]].max() < 12


@pytest.mark.parametrize("orientation", range(10))
def test_every_orientation(orientation):
    image = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3))
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(image, "PNG", exif=exif)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    np.testing.assert_array_equal(decode.decode(content), expected)


def test_an_orientation_beside_a_tag_of_another_type():
    resolution_as_text = struct.pack(">HHI4s", 0x011A, 2, 3, b"72\0\0")
    orientation = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x02" + orientation + resolution_as_text + bytes(4)
    content = encoded(Image.new("RGB", (4, 2)), "JPEG", exif=exif)
    assert decode.decode(content).size == (2, 4)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_damage_the_image(four_colours):
    exif = b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12\0\x03"
    content = encoded(Image.fromarray(four_colours), "JPEG", quality=95, exif=exif)
    assert pixels(content).shape == (4, 4, 3)


def test_the_first_frame_of_an_animation():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "lime")]
    for kind in ("GIF", "WEBP"):
        content = encoded(
            frames[0], kind, save_all=True, append_images=frames[1:], **LOSSLESS[kind]
        )
        assert pixels(content)[0, 0].tolist() == [255, 0, 0]


def test_squash_and_crop():
    # 8 wide, 4 high: black, then white in the middle four columns, then black.
    array = np.zeros((4, 8, 3), np.uint8)
    array[:, 2:6] = 255
    image = Image.fromarray(array)
    assert (decode.to_size(image, 4, crop=True) == 255).all()
    squashed = decode.to_size(image, 2, crop=False)
    assert squashed.shape == (2, 2, 3)
    # Half of what each output pixel sees is white; the filter is symmetric here.
    assert squashed.min() == squashed.max() == pytest.approx(160, abs=40)
    tall = Image.fromarray(array.transpose(1, 0, 2))
    assert (decode.to_size(tall, 4, crop=True) == 255).all()


def test_the_filter_is_antialiased():
    # A fine chequerboard averages to grey; picking nearest pixels would give stripes.
    board = (np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)
    found = decode.to_size(Image.fromarray(board), 16, crop=False)
    assert np.abs(found.astype(int) - 127).max() <= 2


def test_smaller_images_are_enlarged():
    red = decode.to_size(Image.new("RGB", (1, 3), "red"), 8, crop=False)
    assert (red == [255, 0, 0]).all()
    assert decode.to_size(Image.new("L", (3, 1)), 8, crop=True, channels=1).shape == (8, 8, 1)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"hello", "no JPEG"), (b"\x00" * 100, "no JPEG"), (b"\xff\xd8\xff", ".")],
)
def test_what_is_not_an_image(content, reason):
    with pytest.raises(decode.Undecodable, match=reason):
        decode.decode(content)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF"])
def test_every_cut_is_undecodable_or_whole(kind):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    content = encoded(Image.fromarray(noise), kind)
    failed = 0
    for length in range(0, len(content) - 1, max(1, len(content) // 40)):
        try:
            assert pixels(content[:length], 32).shape == (32, 32, 3)
        except decode.Undecodable as error:
            assert "\n" not in str(error)
            failed += 1
    assert failed > 30


@given(st.data())
def test_damaged_images_raise_one_kind_of_error(data):
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "BMP", "GIF"]))
    content = bytearray(encoded(Image.new("RGB", (5, 7), "olive"), kind))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        image = decode.decode(bytes(content))
    except decode.Undecodable:
        return
    assert image.mode in ("RGB", "L")
