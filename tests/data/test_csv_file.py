from __future__ import annotations

import csv
import gzip
import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.on_disk import on_disk
from hansa.data import csv_file
from hansa.data.csv_file import DELIMITERS, read_csv
from hansa.data.csv_format import CsvFormat
from hansa.data.lines import LONGEST_LINE
from hansa.data.source import Reading
from hansa.errors import ConfigError, DataError


@pytest.fixture
def write(tmp_path):
    def _write(text, name="loans.csv", encoding="utf-8"):
        path = tmp_path / name
        data = text if isinstance(text, bytes) else text.encode(encoding)
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return _write


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "贷款.csv"])
@pytest.mark.parametrize("mark", DELIMITERS)
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_any_common_file(write, name, mark, bom):
    text = bom + '年龄,housing,note,opened\n31,own,"a{0} ""b""\n c",2024-05-01\nNA,rent,,\n'.replace(",", mark).format(
        mark
    )
    table = read_csv(write(text, name))
    assert table.names == ("年龄", "housing", "note", "opened")
    assert table.column("年龄").kind == "integer"
    np.testing.assert_array_equal(table.column("年龄").floats(), [31, np.nan])
    assert table.column("note").strings().tolist() == [f'a{mark} "b"\n c', ""]
    assert table.column("opened").kind == "date"
    assert table.column("opened").gaps.tolist() == [False, True]


@pytest.mark.parametrize("block", [1, 7, 65_536])
def test_kinds_are_judged_on_the_whole_column(write, monkeypatch, block):
    monkeypatch.setattr(csv_file, "CELLS_A_BLOCK", block)
    rows = [f"{i},{i},{i},{i:03d},{i}" for i in range(20)] + ["20,20.5,x,020,2024-01-01", ",,,,"]
    table = read_csv(write("\r\n".join(["a,b,c,zip,d", *rows])))
    assert [table.column(name).kind for name in table.names] == ["integer", "float", "category", "category", "category"]
    assert table.column("zip").strings()[:2].tolist() == ["000", "001"]
    assert table.column("c").strings()[3] == "3"
    assert all(table.column(name).gaps.tolist() == [False] * 21 + [True] for name in table.names)


def test_integers_are_not_rounded_through_floats(write):
    ids = [2**53 + 1, 2**62 + 3, -5]
    table = read_csv(write("id,x\n" + "".join(f"{i},1\n" for i in ids)), id="id")
    assert table.ids().tolist() == ids
    long = read_csv(write("id,x\n" + "9" * 24 + ",1\n"), id="id")
    assert long.ids().tolist() == ["9" * 24]


def test_kinds_can_be_forced(write):
    path = write("zip,year,flag\n00501,2020,1\n10001,2021,0\n")
    table = read_csv(path, Reading(kinds={"zip": "text", "year": "category", "flag": "float"}))
    assert [table.column(name).kind for name in table.names] == ["text", "category", "float"]
    assert read_csv(path, Reading(kinds={"zip": "integer"})).column("zip").values.tolist() == [501, 10001]


def test_a_forced_kind_that_does_not_fit_names_the_line_and_no_value(write):
    path = write('note,income\n"two\nlines",1\nb,NA\nc,secret\n')
    with pytest.raises(DataError, match=r"'income'.*float.*line 5") as caught:
        read_csv(path, Reading(kinds={"income": "float"}))
    assert "secret" not in str(caught.value)
    with pytest.raises(ConfigError, match="'income'"):
        read_csv(path, Reading(kinds={"incom": "float"}))
    with pytest.raises(ConfigError, match="'float'"):
        read_csv(path, Reading(kinds={"income": "floa"}))


def test_words_for_a_gap_are_configurable(write):
    path = write("x,y\n-99,NA\n5,b\n")
    table = read_csv(path, Reading(csv=CsvFormat(gaps=("-99",))))
    assert table.column("x").gaps.tolist() == [True, False]
    assert table.column("y").levels == ("NA", "b")


def test_an_empty_column_is_all_gaps(write):
    column = read_csv(write("x,y\n,1\n?,2\n")).column("x")
    assert (column.kind, column.gaps.tolist()) == ("float", [True, True])


def test_a_nameless_column_is_named_by_its_place(write):
    assert read_csv(write(",x\n1,2\n")).names == ("column_1", "x")


def test_blank_lines_are_passed_over(write):
    assert len(read_csv(write("x,y\n1,2\n\n3,4\n\n\n"))) == 2


def test_another_encoding_can_be_named(write):
    path = write("姓,x\n王,1\n", encoding="gb18030")
    with pytest.raises(DataError, match="UTF-8"):
        read_csv(path)
    assert read_csv(path, Reading(csv=CsvFormat(encoding="gb18030"))).names == ("姓", "x")
    with pytest.raises(ConfigError, match="encoding"):
        read_csv(path, Reading(csv=CsvFormat(encoding="no such")))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "is empty"),
        ("\n1,2\n", "no header"),
        ("a,b\n", "no rows"),
        ("a,b\n1,2\n1,secret,3\n", r"Line 3 .* 3 fields, the header 2"),
        ("a,b\n1\n", "Line 2"),
        ("a,b,a\n1,2,3\n", "Columns 1 and 3 of .* have the same name"),
        ('a,b\n1,"' + "secret" * 40_000, "cannot be read as CSV"),
        ("a,b\n" + "1,2\n" * 9 + '3,"secret500\n' + "4,5\n" * 9, "from line 11 on. A quote opens there"),
        ('a,b\n1,"sec"ret\n', "from line 2 on. A quote"),
        (b"a,b\n1,\xff\xfe\n", "encoding"),
        (gzip.compress(b"a,b\n1,secret\n" * 50, mtime=0)[:-12], "damaged"),
        (b"\x1f\x8bnot gzip", "damaged"),
    ],
)
def test_a_bad_file_is_refused_in_one_sentence_each(write, text, what):
    with pytest.raises(DataError, match=what) as caught:
        read_csv(write(text))
    assert caught.value.mend
    assert "secret" not in str(caught.value)


def test_a_quote_that_does_not_close_swallows_no_row(write):
    rows = [f'{i},"note{i}"' for i in range(2000)]
    rows[500] = '500,"note500'
    with pytest.raises(DataError, match="quote"):
        read_csv(write("id,note\n" + "\n".join(rows)))


@pytest.mark.parametrize("cell", ["NA ", "NA  ", " NA ", '"NA "', "  ", '"  "'])
def test_blanks_around_a_word_for_a_gap_do_not_count(write, cell):
    table = read_csv(write(f"x,y\n{cell},own \n5,rent\n"))
    assert table.column("x").kind == "integer"
    assert table.column("x").gaps.tolist() == [True, False]
    assert table.column("y").levels == ("own ", "rent")


@pytest.mark.parametrize("told", ["sep=;", "SEP=;", '"sep=;"'])
def test_the_delimiter_that_excel_writes_above_the_header_is_read(write, told):
    path = write(f"{told}\r\na,ge;x\r\n31;7\r\n58;8\r\n")
    table = read_csv(path)
    assert table.names == ("a,ge", "x")
    assert table.column("x").values.tolist() == [7, 8]
    with pytest.raises(DataError, match=r"Line 3 of .* has 3 fields"):
        read_csv(write(f"{told}\na;b\n1;2;3\n"))


def test_a_delimiter_is_one_character(write):
    for wrong in (";;", "", '"', "\n"):
        with pytest.raises(ConfigError, match="one character"):
            CsvFormat(delimiter=wrong)
    assert read_csv(write("x y\n1 2\n"), Reading(csv=CsvFormat(delimiter=" "))).names == ("x", "y")


@pytest.mark.parametrize("head", [b"", b"a,b\n"])
def test_an_endless_line_is_refused_before_it_fills_the_memory(write, head):
    path = write(head + b"1,2,3,4," * 4_000_000, "endless.csv.gz")
    tracemalloc.start()
    with pytest.raises(DataError, match="a line of more than 4,194,304 characters"):
        read_csv(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6 * LONGEST_LINE


@pytest.mark.parametrize("later", ["x\n1\n", "x\n1\n2\n3\n", "x\n1\nsecret\n"])
def test_a_file_that_changes_meanwhile_is_refused(write, monkeypatch, later):
    path = write("x\n1\n2\n")
    first = csv_file._kinds

    def kinds(*args):
        found = first(*args)
        path.write_text(later, encoding="utf-8")
        return found

    monkeypatch.setattr(csv_file, "_kinds", kinds)
    with pytest.raises(DataError, match="changed while it was read") as caught:
        read_csv(path)
    assert "secret" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv cannot be read"):
        read_csv(tmp_path / "none.csv")
    with pytest.raises(DataError, match="cannot be read"):
        read_csv(tmp_path)


def test_memory_is_a_small_multiple_of_the_arrays(write):
    rng = np.random.default_rng(0)
    rows = "\n".join(f"{a:.6f},{b},{'xyz'[b % 3]}" for a, b in zip(rng.random(60_000), range(60_000), strict=True))
    path = write("a,b,c\n" + rows)
    arrays = 60_000 * (8 + 8 + 4)
    tracemalloc.start()
    table = read_csv(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(table) == 60_000
    # a block of words is a constant beside them, however many rows follow
    assert peak < 3 * arrays + 200 * csv_file.CELLS_A_BLOCK


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=6).map(str.strip)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=20), st.sampled_from(DELIMITERS))
def test_what_the_standard_library_writes_is_read(tmp_path_factory, rows, mark):
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=mark, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([("first", "second"), *rows])
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    path.write_bytes(file.getvalue().encode())
    table = read_csv(path, Reading(kinds={"first": "text", "second": "category"}, csv=CsvFormat(gaps=("NA",))))
    read = list(zip(table.column("first").strings().tolist(), table.column("second").strings().tolist(), strict=True))
    assert read == [tuple("" if cell == "NA" else cell for cell in row) for row in rows]


SHARED = [
    ("credit/uci_default_credit.csv.gz", 30_000, 25, "default.payment.next.month", 1, 0.2212),
    ("credit/give_me_some_credit.csv.gz", 150_000, 12, "SeriousDlqin2yrs", 1, 0.0668),
    ("credit/german_credit.csv.gz", 1_000, 21, "creditability", "bad", 0.3000),
    ("credit/sba_case_loans.csv.gz", 2_101, 35, "Default", 1, 0.3265),
    ("credit/isl_default.csv.gz", 10_000, 4, "default", "Yes", 0.0333),
    ("fraud/ulb_creditcard_sample.csv.gz", 1_722, 32, "Class", 1, 0.2857),
    ("fraud/vehicle_claim_fraud.csv.gz", 15_420, 34, "FraudFound_P", 1, 0.0599),
    ("marketing/bank_marketing_additional_full.csv.gz", 41_188, 21, "y", "yes", 0.1127),
    ("marketing/bank_marketing_full.csv.gz", 45_211, 17, "y", "yes", 0.1170),
    ("bankruptcy/polish_bankruptcy_year1.csv.gz", 7_027, 65, "class", 1, 0.0386),
    ("bankruptcy/polish_bankruptcy_year5.csv.gz", 5_910, 65, "class", 1, 0.0694),
]


@pytest.mark.parametrize(("file", "rows", "width", "target", "positive", "rate"), SHARED)
def test_shared_files_read_as_their_page_says(shared_data, file, rows, width, target, positive, rate):
    table = read_csv(shared_data / file, target=target)
    assert (len(table), len(table.names)) == (rows, width)
    column = table.column(target)
    labels = column.strings() if isinstance(positive, str) else column.values
    assert round(float((labels == positive).mean()), 4) == rate
    if "give_me" in file:
        gaps = {name: int(table.column(name).gaps.sum()) for name in table.names if table.column(name).gaps.any()}
        assert gaps == {"MonthlyIncome": 29_731, "NumberOfDependents": 3_924}
        assert table.names[0] == "id"
    if "ulb" in file:
        assert table.names[0] == "column_1"
    if "vehicle" in file:
        assert table.names[0] == "Month"  # no byte-order mark in the name


@pytest.mark.parametrize("first", ["anna,44,1961-04-03", "anna,44,44", "anna,x,03.04.1961", '"a","1,234.5","b"'])
def test_a_first_row_in_the_header_s_place_is_never_quoted(write, first):
    with pytest.raises(DataError, match="looks like a row of values") as caught:
        read_csv(write(f"{first}\nbert,51,1954-01-01\n"))
    assert not any(cell in str(caught.value) for cell in ("anna", "44", "1961", "1,234"))


EUROPEAN = "loan;amount;opened;rate\nA1;1.234,50;03.04.2024;5,25\nB2;12.345.678,00;28.02.2023;0,5\nC3;NA;;-1,0\n"


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "cp1252"])
def test_decimal_commas_thousands_and_days_first(write, encoding):
    form = CsvFormat(encoding=encoding, thousands=".", decimal=",")
    table = read_csv(write(EUROPEAN, encoding=encoding), Reading(csv=form))
    np.testing.assert_array_equal(table.column("amount").values, [1234.5, 12345678, np.nan])
    assert table.column("rate").values.tolist() == [5.25, 0.5, -1]
    assert table.column("opened").values.astype(str).tolist() == ["2024-04-03", "2023-02-28", "NaT"]


@pytest.mark.parametrize("block", [1, 65_536])
def test_marks_that_nobody_named_are_an_error_and_never_a_guess(write, monkeypatch, block):
    monkeypatch.setattr(csv_file, "CELLS_A_BLOCK", block)
    path = write('a,pay\n1,"1,234"\n2,77\n3,"99,999"\n4,\n')
    with pytest.raises(DataError, match=r"'pay' of loans\.csv.* 2 of 4 rows") as caught:
        read_csv(path)
    assert 'decimal = "," or with thousands = ","' in caught.value.why
    assert not any(value in str(caught.value) for value in ("1,234", "77", "99"))
    assert read_csv(path, Reading(csv=CsvFormat(thousands=","))).column("pay").values.tolist() == [1234, 77, 99999, 0]
    assert read_csv(path, Reading(kinds={"pay": "category"})).column("pay").levels == ("1,234", "77", "99,999")
    assert read_csv(path, Reading(columns=("a",))).names == ("a",)
    assert read_csv(path, id="pay").column("pay").kind == "text"


def test_many_numbers_with_marks_are_no_text(write):
    path = write("pay;a\n" + "".join(f"{i},5;1\n" for i in range(400)))
    with pytest.raises(DataError, match=r"400 of 400 rows .* decimal = \","):
        read_csv(path)


@pytest.mark.parametrize("block", [1, 65_536])
def test_days_and_months_are_never_guessed(write, monkeypatch, block):
    monkeypatch.setattr(csv_file, "CELLS_A_BLOCK", block)
    clear = read_csv(write("d\n03/04/2024\n01/01/2024\n12/31/2023\n"))
    assert clear.column("d").values.astype(str).tolist() == ["2024-03-04", "2024-01-01", "2023-12-31"]
    path = write("d,x\n03/04/2024,1\n05/06/2024,1\n")
    with pytest.raises(DataError, match=r"'d' of loans\.csv holds dates.*%d/%m/%Y.*%m/%d/%Y") as caught:
        read_csv(path)
    assert "03/04" not in str(caught.value)
    for form, month in (("%d/%m/%Y", "04"), ("%m/%d/%Y", "03")):
        table = read_csv(path, Reading(csv=CsvFormat(dates=form)))
        assert str(table.column("d").values[0])[5:7] == month
    assert read_csv(path, Reading(kinds={"d": "text"})).column("d").kind == "text"


def test_each_column_has_a_format_of_its_own(write):
    form = CsvFormat(dates=("%Y%m%d", "%d.%m.%y"))
    path = write("a,b,c,d\n20240501,01.02.03,2024-05-01 10:00,2024年5月1日\n")
    table = read_csv(path, Reading(csv=form, kinds={"a": "date"}))
    assert [str(table.column(name).values[0]) for name in "abcd"] == [
        "2024-05-01", "2003-02-01", "2024-05-01", "2024-05-01"
    ]  # fmt: skip


def test_misfits_of_a_forced_kind_are_counted(write):
    rows = ["d", *["2024-05-01"] * 997, "secret", "2024-13-01", ""]
    path = write("\n".join([*rows, "canary"]), "a.csv")
    with pytest.raises(DataError, match=r"3 of 1,000 rows hold none there, the first of them in line 999\.") as caught:
        read_csv(path, Reading(kinds={"d": "date"}))
    assert "secret" not in str(caught.value)
    mixed = write("d\n01.02.2024\n2024-02-01\n")
    with pytest.raises(DataError, match="more than one way"):
        read_csv(mixed, Reading(kinds={"d": "date"}))


def test_columns_may_lie_on_disk(write):
    text = "n,x,d,c,t\n" + "".join(f"{i},{i}.5,2024-05-01,{'ab'[i % 2]},w{i}\n" for i in range(300)) + ",,,,\n"
    path = write(text)
    here = read_csv(path)
    there = read_csv(path, Reading(on_disk=True, where=(("n", ">=", 5),)))
    assert [name for name in there.names if on_disk(read_csv(path, Reading(on_disk=True)).column(name).values)] == [
        "n", "x", "d", "c"
    ]  # fmt: skip
    for name in here.names:
        assert there.column(name).strings().tolist() == here.column(name).strings()[5:-1].tolist()


def test_columns_that_are_not_wanted_are_not_read(write):
    path = write("a,b,c\n1,x,y\n2,x,y\n")
    table = read_csv(path, Reading(columns=("c", "a"), where=(("b", "==", "x"), ("a", ">", 1))))
    assert table.names == ("c", "a")
    assert table.column("a").values.tolist() == [2]
    with pytest.raises(ConfigError, match=r"loans\.csv has no column 'aa'"):
        read_csv(path, Reading(columns=("aa",)))
