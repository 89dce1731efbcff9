"""The colours: an iris's violet on near-white and on near-black; the browser's preference chooses."""

VIOLET = "#6B4FBB"
CATEGORIES = ["#6B4FBB", "#D9803F", "#2A9D8F", "#C2528B", "#4C78A8", "#A0A03A"]
CATEGORIES_ON_DARK = ["#A58CF0", "#F0A56B", "#5CCFBF", "#E88BBB", "#8CB4E0", "#CFCF70"]
TEXT = {"light": "#221C35", "dark": "#EDE9F6"}

THEME: dict[str, object] = {
    "theme.baseRadius": "0.6rem",
    "theme.baseFontSize": 16,
    "theme.paddingTop": "1rem",
    "theme.paddingBottom": "4rem",
    "theme.headingFontSizes": ["2rem", "1.5rem", "1.2rem", "1.05rem"],
    "theme.light.primaryColor": VIOLET,
    "theme.light.backgroundColor": "#FFFFFF",
    "theme.light.secondaryBackgroundColor": "#F5F2FB",
    "theme.light.textColor": TEXT["light"],
    "theme.light.linkColor": VIOLET,
    "theme.light.chartCategoricalColors": CATEGORIES,
    "theme.light.sidebar.backgroundColor": "#F8F6FC",
    "theme.dark.primaryColor": "#876BDA",
    "theme.dark.backgroundColor": "#15121D",
    "theme.dark.secondaryBackgroundColor": "#221D2F",
    "theme.dark.textColor": TEXT["dark"],
    "theme.dark.linkColor": "#B7A3F5",
    "theme.dark.chartCategoricalColors": CATEGORIES_ON_DARK,
    "theme.dark.sidebar.backgroundColor": "#1B1725",
}
