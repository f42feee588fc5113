"""Reports for people: one self-contained HTML page with inline SVG, and the headline as plain text."""

from hansa.report.attacks import attacks_page, attacks_text
from hansa.report.quality import quality_page, quality_text
from hansa.report.result import result_page
from hansa.report.text import headline

__all__ = ["attacks_page", "attacks_text", "headline", "quality_page", "quality_text", "result_page"]
