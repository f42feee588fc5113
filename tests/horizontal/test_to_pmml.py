"""The document says what the card does, read as PMML's own rules say: the first attribute that is true counts."""

from __future__ import annotations

import re
from math import exp
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from hansa.errors import ConfigError
from hansa.horizontal.card import Card, Characteristic
from hansa.horizontal.to_pmml import as_pmml
from hansa.horizontal.woe import Cells
from tests.horizontal.cards import CARD, MISSING, rows, scores

PMML = "{http://www.dmg.org/PMML-4_4}"
# What the schema of PMML 4.4 says of the elements that we write, put down by hand, for the schema is not at hand here:
# attributes that must and may be there, and the children in their order. A predicate is one of three elements.
PREDICATE = "(SimplePredicate |CompoundPredicate |True )"
EXPRESSION = "(Constant |FieldRef |Apply )"
RULES = {
    "PMML": ("version", "", "Header DataDictionary Scorecard "),
    "Header": ("", "copyright description modelVersion", "(Application )?"),
    "Application": ("name", "version", ""),
    "DataDictionary": ("", "numberOfFields", "(DataField )+"),
    "DataField": ("name optype dataType", "displayName taxonomy isCyclic", "(Interval )*(Value )*"),
    "Value": ("value", "displayValue property", ""),
    "Scorecard": (
        "functionName",
        "modelName algorithmName initialScore useReasonCodes reasonCodeAlgorithm baselineScore baselineMethod",
        "MiningSchema (Output )?Characteristics ",
    ),
    "MiningSchema": ("", "", "(MiningField )+"),
    "MiningField": ("name", "usageType optype missingValueReplacement invalidValueTreatment", ""),
    "Output": ("", "", "(OutputField )+"),
    "OutputField": ("name dataType", "optype displayName targetField feature value", f"({EXPRESSION})?"),
    "Apply": ("function", "mapMissingTo defaultValue invalidValueTreatment", f"({EXPRESSION})*"),
    "Constant": ("", "dataType missing", ""),
    "FieldRef": ("field", "mapMissingTo", ""),
    "Characteristics": ("", "", "(Characteristic )+"),
    "Characteristic": ("", "name reasonCode baselineScore", "(Attribute )+"),
    "Attribute": ("", "reasonCode partialScore", PREDICATE),
    "CompoundPredicate": ("booleanOperator", "", f"{PREDICATE}{{2,}}"),
    "SimplePredicate": ("field operator", "value", ""),
    "True": ("", "", ""),
}
WORDS = {
    "optype": {"categorical", "ordinal", "continuous"},
    "dataType": {"string", "integer", "float", "double", "boolean", "date"},
    "property": {"valid", "invalid", "missing"},
    "functionName": {"associationRules", "sequences", "classification", "regression", "clustering", "timeSeries"},
    "useReasonCodes": {"true", "false"},
    "invalidValueTreatment": {"returnInvalid", "asIs", "asMissing", "asValue"},
    "feature": {"predictedValue", "predictedDisplayValue", "transformedValue", "probability", "reasonCode"},
    "booleanOperator": {"or", "and", "xor", "surrogate"},
    "operator": {"equal", "notEqual", "lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual", "isMissing"},
}


def predicate(node, row):
    """True, False, or None for what is unknown."""
    kind = node.tag.removeprefix(PMML)
    if kind == "True":
        return True
    if kind == "CompoundPredicate":
        assert node.get("booleanOperator") == "or"
        found = [predicate(child, row) for child in node]
        return True if True in found else None if None in found else False
    value, operator = row[node.get("field")], node.get("operator")
    if operator == "isMissing":
        return value is None
    if value is None:
        return None
    against = float(node.get("value")) if isinstance(value, float) else node.get("value")
    return value == against if operator == "equal" else value <= against


def read(root, row):
    """A row as the data dictionary reads it."""
    out = {}
    for field in root.iter(f"{PMML}DataField"):
        value, kind = row[field.get("name")], field.get("dataType")
        value = value if value is None else float(value) if kind == "double" else str(value)
        codes = [node.get("value") for node in field if node.get("property") == "missing"]
        out[field.get("name")] = None if value in ([float(c) for c in codes] if kind == "double" else codes) else value
    return out


def score(root, row):
    """What the model gives a row."""
    total = float(root.find(f"{PMML}Scorecard").get("initialScore"))
    for characteristic in root.iter(f"{PMML}Characteristic"):
        total += next(float(a.get("partialScore")) for a in characteristic if predicate(a[0], row) is True)
    return total


def value(node, total):
    """What an expression of the output comes to at a score."""
    kind, below = node.tag.removeprefix(PMML), [value(child, total) for child in node]
    if kind in {"Constant", "FieldRef"}:
        return total if kind == "FieldRef" else float(node.text)
    by = {"/": lambda a, b: a / b, "+": lambda a, b: a + b, "*": lambda a, b: a * b, "exp": exp}
    return by[node.get("function")](*below)


def test_it_scores_alike():
    root = ET.fromstring(as_pmml(CARD, MISSING))  # noqa: S314 - our own
    found = [score(root, read(root, row)) for row in rows()]
    np.testing.assert_array_equal(found, scores())
    chance = next(node for node in root.iter(f"{PMML}OutputField") if node.get("name") == "probability")[0]
    np.testing.assert_allclose([value(chance, total) for total in found], CARD.probability(scores()), rtol=1e-9)


def test_it_is_formed_as_the_schema_wants():
    root = ET.fromstring(as_pmml(CARD, MISSING))  # noqa: S314 - our own
    assert root.get("version") == "4.4"
    assert [node.tag.removeprefix(PMML) for node in root] == ["Header", "DataDictionary", "Scorecard"]
    model = root[2]
    assert [node.tag.removeprefix(PMML) for node in model] == ["MiningSchema", "Output", "Characteristics"]
    assert model.get("functionName") == "regression"
    assert model.get("useReasonCodes") == "false"  # or every attribute needs a reasonCode
    known = {node.get("name") for node in root.iter(f"{PMML}DataField")}
    assert known == {node.get("name") for node in model[0]} == set(CARD.columns)
    for one in model[2]:
        assert all(len(attribute) == 1 for attribute in one)
        assert one[-1][0].tag == f"{PMML}True"  # some attribute is true for every row
        assert {node.get("field") for node in one.iter(f"{PMML}SimplePredicate")} <= {one.get("name")}


def test_each_element_keeps_the_rules_of_the_schema():
    root = ET.fromstring(as_pmml(CARD, MISSING))  # noqa: S314 - our own
    for node in root.iter():
        kind = node.tag.removeprefix(PMML)
        must, may, children = RULES[kind]
        assert {*must.split()} <= {*node.attrib} <= {*must.split(), *may.split()}, kind
        assert re.fullmatch(children, "".join(f"{child.tag.removeprefix(PMML)} " for child in node)), kind
        for name, value in node.attrib.items():
            assert value in WORDS.get(name, {value}), (kind, name)
        if kind == "SimplePredicate":  # a value where there is something to compare with, and only there
            assert (node.get("value") is None) == (node.get("operator") == "isMissing")
        for name in ("partialScore", "initialScore", "numberOfFields"):
            float(node.get(name, "0"))
        assert not (node.text or "").strip() or kind == "Constant"
    assert int(root[1].get("numberOfFields")) == len(root[1])
    scores = [node.get("name") for node in root.iter(f"{PMML}OutputField")]
    assert {node.get("field") for node in root.iter(f"{PMML}FieldRef")} <= {*scores}


def test_a_control_character_is_refused_and_not_shown():
    card = Card((Characteristic(Cells("x", labels=(("a\x01b",),)), (1, 2, 3), (0.0,) * 3),), 600)
    with pytest.raises(ConfigError, match="control character"):
        as_pmml(card, {})
