from __future__ import annotations

import re

import pytest

from hansa.report.style import STYLE


def luminance(colour):
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1])
@pytest.mark.parametrize("ink", ["ink", "quiet", "fed", "own", "loss", "gap"])
def test_every_colour_of_text_and_line_stands_out_in_light_and_dark(theme, ink):
    palette = re.findall(r":root\{([^}]*)\}", STYLE)[theme]
    colours = dict(re.findall(r"--(\w+):(#[0-9a-f]{6})", palette))
    for ground in ("paper", "card", "wash"):
        assert contrast(colours[ink], colours[ground]) >= 4.5


def test_braces_match_and_nothing_is_fetched():
    assert STYLE.count("{") == STYLE.count("}")
    assert "url(" not in STYLE
    assert "@import" not in STYLE


def test_every_colour_that_is_used_is_defined():
    assert set(re.findall(r"var\(--(\w+)\)", STYLE)) <= set(re.findall(r"--(\w+):", STYLE))
