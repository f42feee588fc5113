"""A scorecard as PMML 4.4: a Scorecard model, whose first attribute that is true gives the points."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from hansa.data.field import label_of
from hansa.errors import ConfigError
from hansa.horizontal.card import Card, Characteristic
from hansa.horizontal.to_sql import Gaps, line_of

_NAMESPACE: Final = "http://www.dmg.org/PMML-4_4"
_UNWRITABLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_pmml(card: Card, missing: Gaps) -> str:
    """The document: `score` is what it predicts, `probability` the calibrated chance of the event beside it.

    Raises:
        ConfigError: a name or a label that XML cannot hold.

    Example:
        >>> "Scorecard" in as_pmml(Card((), 600), {})
        True
    """
    root = Element("PMML", {"xmlns": _NAMESPACE, "version": "4.4"})
    header = SubElement(root, "Header")
    SubElement(header, "Application", {"name": "hansa"})
    fields = SubElement(root, "DataDictionary", {"numberOfFields": str(len(card.columns))})
    for one in card.characteristics:
        _field(fields, one, missing)
    told = {"functionName": "regression", "initialScore": str(card.base), "useReasonCodes": "false"}
    model = SubElement(root, "Scorecard", {"modelName": "scorecard", **told})
    schema = SubElement(model, "MiningSchema")
    for name in card.columns:
        SubElement(schema, "MiningField", {"name": name, "invalidValueTreatment": "asIs"})
    _output(model, card)
    characteristics = SubElement(model, "Characteristics")
    for one in card.characteristics:
        _characteristic(SubElement(characteristics, "Characteristic", {"name": one.column}), one)
    indent(root)
    document = tostring(root, encoding="unicode", xml_declaration=False)
    if _UNWRITABLE.search(document):
        raise ConfigError("A name or a label holds a control character.", "XML cannot.", "Export as json.")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{document}\n'


def _field(fields: Element, one: Characteristic, missing: Gaps) -> None:
    kinds = ("categorical", "string") if one.cells.words else ("continuous", "double")
    field = SubElement(
        fields, "DataField", {"name": one.column, **dict(zip(("optype", "dataType"), kinds, strict=True))}
    )
    for code in missing.get(one.column, ()):
        if one.cells.words or not isinstance(code, str):
            SubElement(field, "Value", {"value": label_of(code), "property": "missing"})


def _output(model: Element, card: Card) -> None:
    output, constant_slope = SubElement(model, "Output"), line_of(card)
    number = {"optype": "continuous", "dataType": "double"}
    SubElement(output, "OutputField", {"name": "score", **number, "feature": "predictedValue"})
    chance = SubElement(output, "OutputField", {"name": "probability", **number, "feature": "transformedValue"})
    whole = SubElement(chance, "Apply", {"function": "/"})
    _constant(whole, 1.0)
    below = SubElement(whole, "Apply", {"function": "+"})
    _constant(below, 1.0)
    line = SubElement(SubElement(below, "Apply", {"function": "exp"}), "Apply", {"function": "+"})
    _constant(line, constant_slope[0])
    rise = SubElement(line, "Apply", {"function": "*"})
    _constant(rise, constant_slope[1])
    SubElement(rise, "FieldRef", {"field": "score"})


def _constant(parent: Element, value: float) -> None:
    SubElement(parent, "Constant", {"dataType": "double"}).text = repr(value)


def _characteristic(parent: Element, one: Characteristic) -> None:
    """Gaps first: a comparison with a gap is unknown, and what is unknown is not true."""
    cells, points = one.cells, one.points
    _attribute(parent, one, points[-1], {"operator": "isMissing"})
    if cells.words:
        for group, value in zip(cells.labels, points, strict=False):
            _attribute(parent, one, value, *({"operator": "equal", "value": label} for label in group))
        _attribute(parent, one, points[-2])
        return
    for code, value in zip(cells.special_codes, points[cells.bins :], strict=False):
        _attribute(parent, one, value, {"operator": "equal", "value": repr(float(code))})
    for edge, value in zip(cells.edges, points, strict=False):
        _attribute(parent, one, value, {"operator": "lessOrEqual", "value": repr(float(edge))})
    _attribute(parent, one, points[cells.bins - 1])


def _attribute(parent: Element, one: Characteristic, points: int, *tests: Mapping[str, str]) -> None:
    """Points for rows that pass one of the tests; for all that are left where there is none."""
    attribute = SubElement(parent, "Attribute", {"partialScore": str(points)})
    if not tests:
        SubElement(attribute, "True")
    elif len(tests) > 1:
        attribute = SubElement(attribute, "CompoundPredicate", {"booleanOperator": "or"})
    for test in tests:
        SubElement(attribute, "SimplePredicate", {"field": one.column, **test})
