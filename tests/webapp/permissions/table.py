"""The table of expected answers, as people read it: reading, writing, comparing."""

from collections.abc import Mapping
from pathlib import Path

from tests.webapp.permissions.world import WHO

HEAD = """\
# Who gets which answer to which operation, for a thing in which state.
#
#   200 201 202 204  done        401  sign in first       403  you may see it, not do this
#   404  there is no such thing for you                   409 422 400  the state or the input
#   forbids it, whoever asks: the permission was there
#
# `revoked` was an editor of the team and a guest of the picture, and is neither now;
# `look_link` and `edit_link` opened a link to the pictures in the state "shared";
# `token` has all scopes of the owner, `no_scope` none.
"""

Row = dict[str, str]
Key = tuple[str, str]


def read(path: Path) -> dict[Key, Row]:
    """Return the answers by operation (or message) and state."""
    found: dict[Key, Row] = {}
    columns: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if not words or words[0] == "#":
            continue
        if not columns:
            columns = words[2:]
            continue
        assert len(words) == len(columns) + 2, f"not a whole row: {line}"
        key = (words[0], words[1])
        assert key not in found, f"twice in the table: {line}"
        found[key] = dict(zip(columns, words[2:], strict=True))
    return found


def write(
    path: Path, table: Mapping[Key, Row], *, head: str, columns: tuple[str, ...] = WHO
) -> None:
    """Write the answers, a blank line after each operation."""
    widths = [
        max([len(column), *(len(row[column]) for row in table.values())]) for column in columns
    ]
    names = max(len("operation"), *(len(name) for name, _ in table)) + 2
    states = max(len("state"), *(len(state) for _, state in table)) + 2

    def line(first: str, second: str, cells: list[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return f"{first:{names}}{second:{states}}{'  '.join(padded)}".rstrip()

    lines = [head, line("operation", "state", list(columns))]
    last = ""
    for (name, state), row in table.items():
        if name != last:
            lines.append("")
        last = name
        lines.append(line(name, state, [row[column] for column in columns]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
