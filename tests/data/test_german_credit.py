from __future__ import annotations

from importlib.resources import files

from hansa.data.german_credit import german_credit


def test_it_is_the_data_set_that_everybody_knows():
    table = german_credit()
    assert len(table) == 1000
    assert table.y().sum() == 300  # 1 is bad
    assert table.names[0] == "id"
    assert table.ids()[[0, -1]].tolist() == [1, 1000]
    kinds = [table.column(name).kind for name in table.features]
    assert (kinds.count("integer"), kinds.count("category")) == (7, 13)
    assert not any(table.column(name).gaps.any() for name in table.names)
    assert table.column("credit_amount").values.sum() == 3_271_258


def test_its_licence_stands_beside_it():
    text = files("hansa.data").joinpath("german_credit.LICENSE.txt").read_text(encoding="utf-8")
    assert "Hofmann" in text
    assert "10.24432/C5NC77" in text
    assert "CC BY 4.0" in text
