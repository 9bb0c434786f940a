import pytest

from lsgan_tf.data.formats import gbk
from lsgan_tf.errors import UserError

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    ("code", "character"),
    [
        (0xB0A1, "啊"),
        (0xF7FE, "齄"),
        (0x8140, "丂"),
        (0xA3AC, "，"),
        (0x4100, "A"),
        (0x2000, " "),
        # Not GBK: one byte of two, a control character, nothing, two characters.
        (0xB000, ""),
        (0xFFFF, ""),
        (0x0A00, ""),
        (0x0000, ""),
        (0x4142, ""),
        (0x0041, ""),
    ],
)
def test_character_of_a_tag(code, character):
    assert gbk.character(code) == character


@pytest.mark.parametrize(
    ("character", "tag"), [("啊", b"\xb0\xa1"), ("A", b"A\0"), ("。", b"\xa1\xa3")]
)
def test_tag_of_a_character(character, tag):
    assert gbk.tag(character) == tag


@pytest.mark.parametrize("text", ["", "安宁", "AB", "😀", "\0", "\n", "é́"])
def test_what_is_no_character_of_gbk_has_no_tag(text):
    with pytest.raises(UserError, match="expected one character"):
        gbk.tag(text)


def test_table_knows_the_same_tags():
    table = gbk.table()
    for code in range(1 << 16):
        swapped = (code & 0xFF) << 8 | code >> 8
        assert bool(table[swapped]) == bool(gbk.character(code))


def test_every_tag_comes_back():
    for code in range(1 << 16):
        if character := gbk.character(code):
            assert int.from_bytes(gbk.tag(character), "big") == code
