"""An iris drawn from its measurements: an illustration of our own, no photo."""

from math import cos, radians, sin

COLORS = ("#8C6FD6", "#4F7FD9", "#B25BC0")
_MEASUREMENTS = ("sepal_length", "sepal_width", "petal_length", "petal_width")


def draw(values: dict[str, float], species: int) -> str | None:
    """An SVG of 220 × 220, or None where the values (in cm) are not an iris's."""
    if not set(_MEASUREMENTS) <= values.keys():
        return None
    sepal_length, sepal_width, petal_length, petal_width = (
        min(max(float(values[name]), 0.3), 12) for name in _MEASUREMENTS
    )
    color = COLORS[species % len(COLORS)]
    sepals = [_leaf(angle, 13 * sepal_length, 12 * sepal_width, color, 0.55) for angle in (90, 210, 330)]
    petals = [_leaf(angle, 13 * petal_length, 20 * petal_width, color, 0.95) for angle in (30, 150, 270)]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-110 -110 220 220" width="220" height="220">'
        f'{"".join(sepals + petals)}<circle r="9" fill="#F2C14E"/></svg>'
    )


def _leaf(angle: float, length: float, width: float, color: str, opacity: float) -> str:
    """A leaf from the middle outwards: two curves that meet in its tip."""

    def at(along: float, across: float) -> str:
        turn = radians(angle)
        return f"{along * cos(turn) - across * sin(turn):.1f} {along * sin(turn) + across * cos(turn):.1f}"

    path = (
        f"M 0 0 C {at(0.35 * length, 0.75 * width)} {at(0.85 * length, 0.75 * width)} {at(length, 0)} "
        f"C {at(0.85 * length, -0.75 * width)} {at(0.35 * length, -0.75 * width)} 0 0 Z"
    )
    return f'<path d="{path}" fill="{color}" fill-opacity="{opacity}" stroke="#00000033" stroke-width="1"/>'
