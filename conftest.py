"""Fixtures that every room may use, and what makes a test slow."""

import pytest

pytest_plugins = ["tests.browser", "tests.mlflow_server", "tests.region.mysql"]

SLOW = {"browser", "mlflow_server", "platform"}
"""Fixtures that take seconds to start; `make test FAST=1` leaves out the tests that use one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if SLOW & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
