"""Colours of the figures are seen on the light page and on the dark one."""

import re

import pytest

from hwmodel.reports.builder import _template
from hwmodel.reports.charts import FORMAT_COLOURS, PALETTE, format_scale


def luminance(colour):
    """Relative luminance by WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def pages():
    return re.findall(r"--page: (#\w{6})", _template("style.css"))


@pytest.mark.parametrize("colour", sorted({*PALETTE, *FORMAT_COLOURS.values()}))
def test_graphics_have_the_contrast_that_wcag_asks_for(colour):
    assert len(pages()) == 2
    assert all(contrast(colour, page) >= 3 for page in pages())


def test_text_has_the_contrast_that_wcag_asks_for():
    for ink in ("ink", "soft", "accent"):
        colours = re.findall(rf"--{ink}: (#\w{{6}})", _template("style.css"))
        for colour, page in zip(colours, pages(), strict=True):
            assert contrast(colour, page) >= 4.5


def test_every_format_has_a_colour_of_its_own():
    scale = format_scale(["INT8", "E4M3", "E3M2", "E2M3", "E2M1"]).to_dict()
    assert scale["domain"] == ["INT8", "E4M3", "E3M2", "E2M3", "E2M1"]
    assert len(set(scale["range"])) == 5
    assert scale["range"][1] == FORMAT_COLOURS["E4M3"]
