"""Draw docs/architecture.svg, and the table in docs/architecture.md, from the package's imports.

Rows are the layers of the contract in pyproject.toml; arrows are the imports as they are. An arrow is left out of the
picture where a longer way says the same. `python docs/draw_architecture.py --check` exits with 1 where a file is out of date.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import grimp

DOCS = Path(__file__).parent
PAGE = DOCS / "architecture.md"
PICTURE = DOCS / "architecture.svg"
BEGIN, END = "<!-- imports: begin -->", "<!-- imports: end -->"
WIDTH, ROW, BOX, HEIGHT = 760, 62, 128, 34
ASIDE = {"plotting": 0.14, "symbolic": 0.86, "tasks": 0.5}
"""Where a room stands across the picture, where the middle is taken."""

Edges = set[tuple[str, str]]


def layers() -> list[list[str]]:
    """Read the rooms of each layer, top first, from the contract; symbolic, which leans on core only, stands beside them."""
    config = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(c for c in config["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    rows = [
        [name.strip().removeprefix("landscape.") for name in line.replace("|", ":").split(":")]
        for line in contract["layers"]
    ]
    rows[-3].append("symbolic")
    return rows


def imports(rooms: list[str]) -> Edges:
    """List which room imports which."""
    graph = grimp.build_graph("landscape", cache_dir=None, exclude_type_checking_imports=True)
    home = {m: m.split(".")[1] for m in graph.modules if m.count(".") and m.split(".")[1] in rooms}
    edges: Edges = set()
    for importer, room in home.items():
        for imported in graph.find_modules_directly_imported_by(importer):
            other = home.get(imported, room)
            if other != room:
                edges.add((room, other))
    return edges


def shown(edges: Edges, rows: list[list[str]]) -> list[tuple[str, str]]:
    """Choose the arrows that no longer way replaces; those upwards (the lazy `Result.plot`) are always shown."""
    level = {room: i for i, row in enumerate(rows) for room in row}
    down = {edge for edge in edges if level[edge[0]] <= level[edge[1]]}
    reached: dict[str, set[str]] = {}

    def below(room: str) -> set[str]:
        if room not in reached:
            reached[room] = set()
            for a, b in down:
                if a == room:
                    reached[room] |= {b} | below(b)
        return reached[room]

    kept = [(a, b) for a, b in down if not any(b in below(c) for x, c in down if x == a and c != b)]
    return sorted(kept) + sorted(set(edges) - down)


def halves(row: list[str], edges: Edges) -> list[list[str]]:
    """Split a layer: first the rooms that no other of it imports, below them those that some do."""
    lower = [room for room in row if any((other, room) in edges for other in row)]
    return [part for part in ([room for room in row if room not in lower], lower) if part]


def picture(rows: list[list[str]], edges: Edges) -> str:
    """Write the picture as SVG."""
    rows = [row for given in rows for row in halves(given, edges)]
    at = {
        room: (WIDTH * (j + 1) / (len(row) + 1), 14 + i * ROW + HEIGHT / 2)
        for i, row in enumerate(rows)
        for j, room in enumerate(row)
    }
    for room, share in ASIDE.items():
        at[room] = (WIDTH * share, at[room][1])
    high = 14 + len(rows) * ROW
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {high}" font-family="sans-serif" font-size="13">',
        "<title>Which part of landscape imports which</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#55606e"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{high}" fill="#ffffff"/>',
    ]
    for a, b in shown(edges, rows):
        (x1, y1), (x2, y2) = at[a], at[b]
        dash = ' stroke-dasharray="4 3"' if y1 > y2 else ""
        if y1 == y2:
            side = BOX / 2 if x2 > x1 else -BOX / 2
            path = f"M{x1 + side:.0f} {y1:.0f} L{x2 - side:.0f} {y2:.0f}"
        else:
            way = HEIGHT / 2 if y2 > y1 else -HEIGHT / 2
            middle = (y1 + y2) / 2
            path = f"M{x1:.0f} {y1 + way:.0f} C{x1:.0f} {middle:.0f} {x2:.0f} {middle:.0f} {x2:.0f} {y2 - way:.0f}"
        out.append(
            f'<path d="{path}" fill="none" stroke="#55606e" stroke-width="1.2"{dash} marker-end="url(#tip)"/>'
        )
    for room, (x, y) in at.items():
        out.append(
            f'<rect x="{x - BOX / 2:.0f}" y="{y - HEIGHT / 2:.0f}" width="{BOX}" height="{HEIGHT}" rx="6" fill="#eaf1f8" stroke="#2f5f8f"/>'
            f'<text x="{x:.0f}" y="{y + 5:.0f}" text-anchor="middle">{room}</text>'
        )
    return "\n".join([*out, "</svg>", ""])


def table(rows: list[list[str]], edges: Edges) -> str:
    """Write who imports whom as Markdown, from the bottom."""
    rooms = [room for row in reversed(rows) for room in row]
    lines = ["| room | imports |", "|---|---|"]
    for room in rooms:
        lines.append(
            f"| `{room}` | {', '.join(other for other in rooms if (room, other) in edges) or 'none of the others'} |"
        )
    return "\n".join(lines)


def main(check: bool) -> int:
    """Write both files, or say whether they are up to date."""
    rows = layers()
    edges = imports([room for row in rows for room in row])
    page = PAGE.read_text(encoding="utf-8")
    head, _, rest = page.partition(BEGIN)
    tail = rest.partition(END)[2]
    new = {PICTURE: picture(rows, edges), PAGE: f"{head}{BEGIN}\n{table(rows, edges)}\n{END}{tail}"}
    old = [
        path for path, text in new.items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if check:
        for path in old:
            print(f"{path.name} is out of date: run python docs/draw_architecture.py")
        return int(bool(old))
    for path in old:
        path.write_text(new[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
