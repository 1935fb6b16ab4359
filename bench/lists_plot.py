"""`python -m bench.lists_plot`: draw what bench/lists.py measures, for docs/decisions."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.lists import PAGE, SIZES, measure

PLOT = Path(__file__).parents[1] / "docs" / "items-read-per-page.svg"
WIDTH, HEIGHT = 860, 420
LEFT, RIGHT, TOP, BOTTOM = 76, 580, 40, 360
MOST = 100_000  # items, at the top
COLORS = ("#333333", "#00696b", "#1f5fa8", "#b3261e", "#a04a00", "#6a4fa3")
ALL = "filtering all files"

Points = Sequence[int]


def main() -> None:
    PLOT.write_text(draw(series()), encoding="utf-8")
    print(f"written: {PLOT.relative_to(Path.cwd())}")


def series(sizes: Sequence[int] = SIZES) -> dict[str, Points]:
    """Items read for a page. All orders of a list cost the same, so they are one line."""
    costs = {name: [reads.items for reads in each] for name, each in measure(sizes).items()}
    lists = [points for name, points in costs.items() if name.startswith("sort=")]
    if any(points != lists[0] for points in lists):
        raise ValueError("the orders of a list differ: draw a line for each")
    searches = {name: points for name, points in costs.items() if not name.startswith("sort=")}
    return {"list, any sort": lists[0], **searches}


def drawn(svg: str) -> tuple[Points, Mapping[str, Points]]:
    """The sizes and lines of a plot."""
    found = json.loads(svg.partition("<metadata>")[2].partition("</metadata>")[0])
    return found["sizes"], found["lines"]


def draw(lines: Mapping[str, Points]) -> str:
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="system-ui, sans-serif" font-size="13">',
        f"<title>Items read for a page of {PAGE}, by the number of files in the account</title>",
        f"<metadata>{json.dumps({'sizes': SIZES, 'lines': lines})}</metadata>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="22" font-weight="600">Items read for a page of {PAGE}</text>',
        *_grid(),
        _line(SIZES, "#999999", dashes="5 4"),
        _label(ALL, SIZES[-1], "#777777"),
    ]
    ends = _apart([points[-1] for points in lines.values()])
    for (name, points), color, end in zip(lines.items(), COLORS, ends, strict=True):
        label = _label(f"{name}: {points[-1]:,}", points[-1], color, end)
        parts += [_line(points, color), *_dots(points, color), label]
    return "\n".join([*parts, "</svg>", ""])


def _grid() -> list[str]:
    parts = []
    for power in range(1, round(math.log10(MOST)) + 1):
        y = _y(10**power)
        parts.append(f'<line x1="{LEFT}" y1="{y}" x2="{RIGHT}" y2="{y}" stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end" fill="#555555">{10**power:,}</text>')
    for size in SIZES:
        x = _x(size)
        parts.append(f'<line x1="{x}" y1="{TOP}" x2="{x}" y2="{BOTTOM}" stroke="#eeeeee"/>')
        parts.append(f'<text x="{x}" y="{BOTTOM + 20}" text-anchor="middle" fill="#555555">{size:,}</text>')
    middle = (LEFT + RIGHT) // 2
    under = f'<text x="{middle}" y="{BOTTOM + 44}" text-anchor="middle" fill="#555555">'
    parts.append(f"{under}files in the account</text>")
    return parts


def _x(size: int) -> float:
    share = math.log10(size / SIZES[0]) / math.log10(SIZES[-1] / SIZES[0])
    return round(LEFT + 20 + share * (RIGHT - LEFT - 40), 1)


def _y(items: int) -> float:
    share = (math.log10(max(items, 10)) - 1) / (math.log10(MOST) - 1)
    return round(BOTTOM - share * (BOTTOM - TOP), 1)


def _line(points: Points, color: str, dashes: str = "") -> str:
    path = " ".join(f"{_x(size)},{_y(items)}" for size, items in zip(SIZES, points, strict=True))
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"{dashed}/>'


def _dots(points: Points, color: str) -> list[str]:
    return [
        f'<circle cx="{_x(size)}" cy="{_y(items)}" r="3" fill="{color}"/>'
        for size, items in zip(SIZES, points, strict=True)
    ]


def _label(text: str, items: int, color: str, y: float | None = None) -> str:
    return f'<text x="{RIGHT - 8}" y="{(_y(items) if y is None else y) + 4}" fill="{color}">{text}</text>'


def _apart(ends: Points) -> list[float]:
    """Where the labels stand: beside their lines' ends, but not upon each other."""
    taken: list[float] = []
    places = {}
    for index in sorted(range(len(ends)), key=lambda index: -ends[index]):
        y = _y(ends[index])
        if taken and y < taken[-1] + 17:
            y = taken[-1] + 17
        taken.append(y)
        places[index] = y
    return [places[index] for index in range(len(ends))]


if __name__ == "__main__":
    main()
