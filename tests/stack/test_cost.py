import re

import pytest

from release import cost
from tests.stack.hcl import STACK

PAGES = {"en": "docs/deploy.md", "pt-BR": "docs/deploy.pt-BR.md"}


@pytest.mark.parametrize("language", cost.HEADINGS)
def test_the_table_in_the_docs_is_what_is_computed(language: str) -> None:
    page = (STACK.parent / PAGES[language]).read_text()
    assert f"<!-- cost -->\n{cost.table(language)}\n<!-- /cost -->" in page


@pytest.mark.parametrize("name", ["README.md", "README.pt-BR.md"])
def test_the_readme_says_what_the_smallest_size_that_is_not_free_costs(name: str) -> None:
    assert f" {cost.cost(cost.sizes()['small']).total:.0f} " in (STACK.parent / name).read_text()


def test_three_small_machines_and_their_database_cost_what_the_list_says() -> None:
    size = {"shape": "VM.Standard.E4.Flex", "ocpus": "1", "memory": "8", "boot_volume": "50"}
    month = cost.cost({**size, "mysql": "MySQL.2", "mysql_storage": "50"})
    machines, database = 3 * 730 * (0.025 + 8 * 0.0015), 730 * 2 * 0.0366 + 50 * 0.04
    assert month.total == pytest.approx(machines + 150 * 0.0425 + database)


def test_always_free_is_free_as_far_as_it_reaches() -> None:
    size = {"shape": "VM.Standard.A1.Flex", "ocpus": "1", "memory": "4", "boot_volume": "50"}
    month = cost.cost({**size, "mysql": "MySQL.Free", "mysql_storage": "50"})
    assert (month.volumes, month.database) == (0, 0)
    assert month.machines == pytest.approx(730 * 0.01)


def test_every_named_size_has_a_price() -> None:
    condition = (STACK / "variables.tf").read_text().split('variable "size"')[1].split("\n}")[0]
    named = re.search(r"contains\(\[(.*?)\], var\.size\)", condition)
    assert named
    assert {*cost.sizes(), "custom"} == set(re.findall(r'"(\w+)"', named[1]))
