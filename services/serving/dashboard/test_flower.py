from xml.etree import ElementTree as ET

from services.serving.dashboard import flower

IRIS = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


def test_an_iris_is_drawn_with_three_sepals_and_three_petals() -> None:
    drawing = flower.draw(IRIS, 0)
    assert drawing is not None
    assert len(ET.fromstring(drawing).findall("{*}path")) == 6  # noqa: S314


def test_other_measurements_are_not_drawn_as_a_flower() -> None:
    assert flower.draw({"length": 1.0}, 0) is None
