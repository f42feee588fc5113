"""Read what the report writes as a strict reader would: XML for pictures, balanced tags for pages."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "link", "input"}
SVG = "{http://www.w3.org/2000/svg}"


class Balance(HTMLParser):
    """Follow the tags of a page; a wrong one is an error."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.words, self.errors = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.errors.append(tag)

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def read_page(text):
    """A page that is whole, with well-formed pictures and nothing that it would fetch or run."""
    page = Balance(text)
    assert not page.errors, page.errors
    assert not page.open, page.open
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "iframe", "object", "embed", "img", "base", "form"}
        assert not {"src", "href", "action", "srcset"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
    assert "@import" not in text
    assert "url(" not in text
    assert not re.sub(r'xmlns="http://www.w3.org/2000/svg"', "", text).count("://")
    for drawn in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        read_svg(drawn)
    return page


def read_svg(text):
    """A picture as XML: told in words, all of it inside its frame, no number that is none."""
    root = ET.fromstring(text)  # noqa: S314 - our own text
    assert root.tag == f"{SVG}svg"
    assert root.find(f"{SVG}title").text
    assert root.find(f"{SVG}desc").text
    assert "nan" not in re.sub(r">[^<]*<", "><", text)
    assert "inf" not in re.sub(r">[^<]*<", "><", text)
    return root


def words_of(root):
    """Every shown text of a picture."""
    return ["".join(item.itertext()) for item in root.iter(f"{SVG}text")]


def boxes(root, letter=6.9, height=11):
    """About where each shown text lies: left, right, top, bottom, words."""
    found = []
    for item in root.iter(f"{SVG}text"):
        shown = (item.text or "") + "".join(part.tail or "" for part in item)
        wide = sum(2 if ord(sign) > 0x2E80 else 1 for sign in shown) * letter
        x, y = float(item.get("x")), float(item.get("y"))
        left = {"start": x, "middle": x - wide / 2, "end": x - wide}[item.get("text-anchor")]
        found.append((left, left + wide, y - height, y, shown))
    return found


def overlaps(root):
    """Pairs of texts that cover each other."""
    placed = boxes(root)
    return [
        (a[4], b[4])
        for i, a in enumerate(placed)
        for b in placed[i + 1 :]
        if a[0] < b[1] - 1 and b[0] < a[1] - 1 and a[2] < b[3] - 1 and b[2] < a[3] - 1
    ]
