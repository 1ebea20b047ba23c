# ruff: noqa: INP001 - a script, started by path
"""Print the table of states as docs/states.md has it: `python docs/states_table.py`."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kmsconsole.settings")

BEGIN, END = "<!-- table -->", "<!-- end of table -->"


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


def main() -> None:
    """Rewrite the table in docs/states.md."""
    page = Path(__file__).with_name("states.md")
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}")


if __name__ == "__main__":
    import django

    django.setup()
    main()
