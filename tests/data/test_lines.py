from __future__ import annotations

import gzip

import pytest

from hansa.data.lines import opened, readers
from hansa.errors import DataError

WORDS = "客户,金额\n甲银行,5\n乙银行,7\n"


def read(path, encoding="utf-8-sig"):
    with opened(path, encoding) as lines:
        return "".join(lines)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "big5", "utf-16", "utf-16-le"])
def test_a_text_comes_back_in_its_encoding(tmp_path, encoding, packed):
    data = WORDS.replace("户", "戶").replace("额", "額").replace("银", "銀").encode(encoding)
    path = tmp_path / "a.csv"
    path.write_bytes(gzip.compress(data) if packed else data)
    assert "銀行" in read(path, encoding)
    if not encoding.startswith("utf-8"):
        with pytest.raises(DataError, match="not in the encoding utf-8-sig") as caught:
            read(path)
        likely = {"gbk": "gb18030"}.get(encoding, encoding)
        assert f"{likely}" in caught.value.why or encoding == "utf-16-le"
        assert "銀" not in str(caught.value)


def test_a_mark_at_the_beginning_outweighs_a_wrong_name(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(WORDS.encode("utf-8-sig"))
    assert readers(path) == ("utf-8-sig",)
    assert read(path, "utf-8") == WORDS
    with pytest.raises(DataError, match='encoding="utf-8-sig"'):
        read(path, "gb18030")


def test_utf_16_without_a_mark_is_no_utf_8(tmp_path):
    path = tmp_path / "a.csv"
    for encoding in ("utf-16-le", "utf-16-be"):
        path.write_bytes("age,home\n31,own\n".encode(encoding))
        with pytest.raises(DataError, match=encoding):
            read(path)
        assert read(path, encoding).startswith("age")


def test_bytes_of_no_usual_encoding_are_said_so(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a\n\xff\xff\x81\x8d\n")
    assert readers(path) == ()
    with pytest.raises(DataError, match="nor in any other usual encoding"):
        read(path)


@pytest.mark.parametrize(
    ("head", "what"),
    [(b"PK\x03\x04", "Excel workbook"), (b"PAR1", "Parquet"), (b"SQLite format 3\0", "SQLite")],
)
def test_what_is_no_text_is_named(tmp_path, head, what):
    path = tmp_path / "a.csv"
    path.write_bytes(head + b"\0\1\2")
    with pytest.raises(DataError, match=what):
        read(path)


def test_a_missing_and_a_damaged_file_are_errors_of_data(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path / "none.csv")
    path = tmp_path / "a.csv"
    path.write_bytes(gzip.compress(b"a\n" * 1000)[:-9])
    with pytest.raises(DataError, match="damaged"):
        read(path)
