import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.region.mysql import MySQL

pytestmark = pytest.mark.root


@dataclass
class Watched(MySQL):
    """Notes, at each statement of the provider's own, whether the network is let in."""

    reached: list[bool] = field(default_factory=list)

    def execute(self, statement: str, *arguments: object) -> list[tuple[Any, ...]]:
        with socket.socket() as client:
            self.reached.append(client.connect_ex((self.host, self.port)) == 0)
        return super().execute(statement, *arguments)


def test_nobody_is_let_in_before_the_administrator_has_all_rights(tmp_path: Path) -> None:
    with Watched(tmp_path / "mysql") as server:
        assert server.reached
        assert not any(server.reached)
        server.execute("SELECT 1")
        assert server.reached[-1]
