"""What the stack costs a month: `python -m release.cost` prints docs/deploy.md's table, in each language.

List prices in US dollars, pay as you go, without tax, of January 2026; a month has 730 hours. The sizes are
those of resource-manager/locals.tf.
"""

import re
from dataclasses import dataclass
from pathlib import Path

HOURS = 730
MACHINES = 3
_LOCALS = Path(__file__).parents[1] / "resource-manager/locals.tf"
_SIZE = re.compile(r"^    (small|standard|free) = \{\n(.*?)\n    \}", re.M | re.S)
_FIELD = re.compile(r'(\w+)\s*= ("?)([\w.]+)\2')

OCPU = {"VM.Standard.E4.Flex": 0.025, "VM.Standard.E5.Flex": 0.03, "VM.Standard.A1.Flex": 0.01}
MEMORY = {"VM.Standard.E4.Flex": 0.0015, "VM.Standard.E5.Flex": 0.002, "VM.Standard.A1.Flex": 0.0015}
BLOCK_VOLUME, MYSQL_ECPU, MYSQL_STORAGE = 0.0425, 0.0366, 0.04
FREE_OCPUS, FREE_MEMORY, FREE_BLOCK_VOLUME = 2, 12, 200
"""Always Free: of VM.Standard.A1.Flex, and of block volumes."""

HEADINGS = {
    "en": "size | three machines, each | database | machines | boot volumes | database | a month",
    "pt-BR": "tamanho | três máquinas, cada uma | banco | máquinas | volumes de boot | banco | por mês",
}


@dataclass(frozen=True)
class Cost:
    """A month of one size, by what it is for; the load balancer is the account's first, which is free."""

    machines: float
    volumes: float
    database: float

    @property
    def total(self) -> float:
        return self.machines + self.volumes + self.database


def sizes() -> dict[str, dict[str, str]]:
    """The fields of each named size, as the stack has them."""
    text = _LOCALS.read_text()
    return {
        name: {key: value for key, _, value in _FIELD.findall(body)} for name, body in _SIZE.findall(text)
    }


def cost(size: dict[str, str]) -> Cost:
    """The price of one size; `free` takes what Always Free gives, in a tenancy that uses none of it yet."""
    free = size["mysql"] == "MySQL.Free"
    ocpus, memory, volume = (MACHINES * float(size[key]) for key in ("ocpus", "memory", "boot_volume"))
    if free:
        ocpus, memory = max(0.0, ocpus - FREE_OCPUS), max(0.0, memory - FREE_MEMORY)
        volume = max(0.0, volume - FREE_BLOCK_VOLUME)
    ecpus = 0 if free else int(size["mysql"].removeprefix("MySQL."))
    storage = 0.0 if free else float(size["mysql_storage"])
    shape = size["shape"]
    return Cost(
        HOURS * (ocpus * OCPU[shape] + memory * MEMORY[shape]),
        volume * BLOCK_VOLUME,
        HOURS * ecpus * MYSQL_ECPU + storage * MYSQL_STORAGE,
    )


def table(language: str = "en") -> str:
    """In Markdown."""
    lines = [f"| {HEADINGS[language]} |", "|---|---|---|---:|---:|---:|---:|"]
    for name, size in sizes().items():
        month = cost(size)
        shape = size["shape"].removeprefix("VM.Standard.")
        parts = [_amount(each, language) for each in (month.machines, month.volumes, month.database)]
        lines.append(
            f"| `{name}` | {shape}, {size['ocpus']} OCPU, {size['memory']} GB "
            f"| {size['mysql']}, {size['mysql_storage']} GB "
            f"| {' | '.join(parts)} | **{_amount(month.total, language)}** |"
        )
    return "\n".join(lines)


def _amount(dollars: float, language: str) -> str:
    text = f"{dollars:.2f}"
    return text.replace(".", ",") if language == "pt-BR" else text


if __name__ == "__main__":
    print("\n\n".join(map(table, HEADINGS)))
