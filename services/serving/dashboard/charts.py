"""Charts as Vega-Lite specifications with their data inside: neither pandas nor Altair is loaded for them."""

from typing import Any

import streamlit as st

from services.serving.dashboard.language import Language
from services.serving.dashboard.theme import TEXT

_LOCALES = {
    "en": {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["$", ""]},
    "pt": {"decimal": ",", "thousands": ".", "grouping": [3], "currency": ["R$ ", ""]},
}
_QUARTERS = [0, 0.25, 0.5, 0.75, 1]


def bars(
    say: Language, values: dict[str, float], strong: str | None = None, *, share: bool = False
) -> dict[str, Any]:
    """Horizontal bars in the order given; the one named `strong` is in full colour, a `share` is of 1."""
    rows = [
        {
            "name": name,
            "value": value,
            "text": say.percent(value) if share else say.number(value, 4),
            "weight": 1.0 if strong in (name, None) else 0.45,
        }
        for name, value in values.items()
    ]
    # Streamlit colours axes and bars for light and dark, text beside bars it leaves black.
    color = TEXT[st.context.theme.type or "light"]
    within_one = all(0 <= value <= 1 for value in values.values())
    x: dict[str, Any] = {
        "field": "value",
        "type": "quantitative",
        "title": None,
        # Room for the figure beside a full bar.
        "scale": {"domain": [0, 1.15]} if within_one else {"zero": True},
        "axis": {
            "format": ".0%" if share else ".2~f",
            **({"values": [0, 0.25, 0.5, 0.75, 1]} if within_one else {}),
        },
    }
    y = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 180}}
    return {
        "data": {"values": rows},
        "height": {"step": 34},
        "padding": {"left": 0, "top": 0, "right": 32, "bottom": 0},  # room for the figures beside the bars
        "encoding": {"y": y},
        "layer": [
            {
                "mark": {"type": "bar", "cornerRadiusEnd": 4},
                "encoding": {
                    "x": x,
                    "opacity": {"field": "weight", "type": "quantitative", "scale": None},
                    "tooltip": [{"field": "name", "title": " "}, {"field": "text", "title": "="}],
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 13, "color": color},
                "encoding": {"x": x, "text": {"field": "text"}},
            },
        ],
        "config": {"locale": {"number": _LOCALES[say.code]}},
    }


def line(say: Language, points: list[tuple[int, float]], step: str) -> dict[str, Any]:
    """A metric over its steps; `step` names the axis."""
    return {
        "data": {"values": [{"step": at, "value": value} for at, value in points]},
        "height": 260,
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {"field": "step", "type": "quantitative", "title": step, "axis": {"tickMinStep": 1}},
            "y": {"field": "value", "type": "quantitative", "title": None, "scale": {"zero": False}},
        },
        "config": {"locale": {"number": _LOCALES[say.code]}},
    }
