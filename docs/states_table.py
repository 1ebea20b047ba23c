# ruff: noqa: INP001 - a script, started by path
"""Print the table of states as docs/states.md has it: `python docs/states_table.py`."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kmsconsole.settings")

BEGIN, END = "<!-- table -->", "<!-- end of table -->"
DATA_KEYS = "<!-- data keys -->", "<!-- end of data keys -->"


def table() -> str:
    """Return the table in Markdown, from `keys.states.RULES` itself."""
    from keys.states import LIVING, RULES, KeyState  # noqa: PLC0415 - after settings

    def cell(state: KeyState, rule: object) -> str:
        if rule is state:
            return "yes"
        if isinstance(rule, KeyState):
            return f"→ {rule.value}"
        return f"`{rule.code.rpartition('.')[2]}`"  # type: ignore[attr-defined]

    lines = [
        "| Operation | "
        + " | ".join(state.value for state in LIVING)
        + " | Refusing kinds |",
        "| --- " * (len(LIVING) + 2) + "|",
    ]
    for name, row in RULES.items():
        kinds = ", ".join(
            f"{kind.value}: `{error.code.rpartition('.')[2]}`"
            for kind, error in row.kinds.items()
        )
        cells = " | ".join(cell(state, row.states[state]) for state in LIVING)
        lines.append(f"| {name} | {cells} | {kinds} |")
    return "\n".join(lines)


def data_key_table() -> str:
    """Return the table of data keys in Markdown, from `keys.datakeys.states.RULES`."""
    from keys.datakeys.states import (  # noqa: PLC0415 - after settings
        RULES,
        DataKeyState,
    )

    def cell(state: DataKeyState, rule: object) -> str:
        if isinstance(rule, DataKeyState):
            return "yes" if rule is state else f"→ {rule.value}"
        return f"`{rule.code.rpartition('.')[2]}`"  # type: ignore[attr-defined]

    lines = [
        "| Operation | " + " | ".join(state.value for state in DataKeyState) + " |",
        "| --- " * (len(DataKeyState) + 1) + "|",
    ]
    for name, row in RULES.items():
        cells = " | ".join(cell(state, row[state]) for state in DataKeyState)
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def replaced(page: str, begin: str, end: str, table: str) -> str:
    """Return the page with this table between the two marks."""
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{table}\n{end}{after}"


def main() -> None:
    """Rewrite the tables in docs/states.md."""
    page = Path(__file__).with_name("states.md")
    text = replaced(page.read_text(), BEGIN, END, table())
    page.write_text(replaced(text, *DATA_KEYS, data_key_table()))


if __name__ == "__main__":
    import django

    django.setup()
    main()
