from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hansa.report.width import clean, columns, pad, shorten


@given(st.text(), st.integers(1, 30))
def test_a_shortened_name_fits_and_a_short_one_is_left_alone(words, most):
    shown = shorten(clean(words), most)
    assert columns(shown) <= most
    assert shown == clean(words) or shown.endswith("…")


@given(st.text(max_size=20))
def test_padding_fills_to_the_column_for_every_script(words):
    words = clean(words)
    width = columns(words) + 5
    assert columns(pad(words, width)) == columns(pad(words, width, right=True)) == width


def test_chinese_takes_two_columns_a_sign():
    assert columns("上海银行") == 8
    assert columns(shorten("上海浦东发展银行", 9)) == 9


def test_what_would_steer_a_terminal_or_turn_the_text_is_shown_as_a_mark():
    assert clean("a\x1b[2Jb\u202ec\x00") == "a\ufffd[2Jb\ufffdc\ufffd"
    assert clean(" a \r\n b ") == "a b"
