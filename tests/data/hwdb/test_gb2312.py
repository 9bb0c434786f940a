import pytest

from lsgan_tf.data.hwdb import gb2312

pytestmark = pytest.mark.fast


def test_level1_has_all_3755_characters_in_code_order():
    assert len(gb2312.LEVEL1) == len(set(gb2312.LEVEL1)) == 3755
    codes = [character.encode("gb2312") for character in gb2312.LEVEL1]
    assert codes == sorted(codes)
    assert codes[0] == b"\xb0\xa1" and gb2312.LEVEL1[0] == "啊"
    assert codes[-1] == b"\xd7\xf9" and gb2312.LEVEL1[-1] == "座"
    # The end of a row of 94 and the start of the next.
    assert codes[93:95] == [b"\xb0\xfe", b"\xb1\xa1"]


def test_level2_symbols_and_traditional_characters_are_outside():
    assert gb2312.is_level1("安")
    assert not any(map(gb2312.is_level1, ("亍", "齄", "A", "，", "書", "")))


def test_order_puts_level1_first_then_the_others_by_code():
    assert gb2312.ordered(["齄", "座", "A", "，", "啊", "亍", "座"]) == (
        *("啊", "座"),
        *("A", "，", "亍", "齄"),
    )
