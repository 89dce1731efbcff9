"""A list of names and values. Real `<dl>`: light, readable aloud, and nothing in it is Markdown or HTML."""

from html import escape

import streamlit as st


def show(lines: dict[str, str]) -> None:
    """Show the lines in their order."""
    items = "".join(
        '<div style="display:flex;flex-wrap:wrap;gap:0 1rem;padding:.45rem 0;border-bottom:1px solid #8884">'
        f'<dt style="flex:0 0 10rem;opacity:.75">{escape(name)}</dt>'
        f'<dd style="margin:0;flex:1 1 10rem;overflow-wrap:anywhere;font-weight:600">{escape(value)}</dd>'
        "</div>"
        for name, value in lines.items()
    )
    st.html(f'<dl style="margin:0;padding:0">{items}</dl>')
