#!/usr/bin/python3
"""README's table of what call control can do where, made from the table that the tests try.

    tests/lint/matrix.py            says whether README.md has it as it is
    tests/lint/matrix.py --write    puts it there
"""
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path("tests/asterisk/control_matrix.toml")
BEGIN, END = "<!-- control: made by tests/lint/matrix.py --write -->", "<!-- control: end -->"
BACKENDS = (("ari", "ari"), ("companion", "ari + companion"), ("ami", "ami"), ("mock", "mock"))


def in_words(places):
    """("works", "409"): how it is under control, and in the dialplan."""
    return places[0] if places[0] == places[1] else f"{places[0]} / {places[1]}"


def table(actions):
    rows = [["", *(title for _, title in BACKENDS)]]
    notes = []
    for action in actions:
        name = action["name"]
        if "note" in action:
            if action["note"] not in notes:
                notes.append(action["note"])
            name += f" ({notes.index(action['note']) + 1})"
        rows.append([name, *(in_words(action[backend]) for backend, _ in BACKENDS)])
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join([*lines, "", *(f"({number}) {note}  " for number, note in enumerate(notes, 1))])


def with_table(readme, actions):
    """README.md as it should be; None: it has no place for the table."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table(actions)}\n{END}{after}" if begin and end else None


def findings(root):
    """A rule as those of rules.py."""
    if not (root / SOURCE).exists():
        return
    readme = (root / "README.md").read_text()
    actions = tomllib.loads((root / SOURCE).read_text())["action"]
    if readme != with_table(readme, actions):
        yield "README.md", 1, f"its table of call control is not that of {SOURCE}: tests/lint/matrix.py --write"


def main():
    if sys.argv[1:] == ["--write"]:
        readme = ROOT / "README.md"
        actions = tomllib.loads((ROOT / SOURCE).read_text())["action"]
        readme.write_text(with_table(readme.read_text(), actions))
        return 0
    found = list(findings(ROOT))
    for path, line, sentence in found:
        print(f"{path}:{line}: {sentence}")
    return len(found)


if __name__ == "__main__":
    sys.exit(main())
