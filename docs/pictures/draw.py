#!/usr/bin/env python3
"""Draws the pictures of the README and the guide: what lies where in a segment, and who maps what.

    docs/pictures/draw.py            # writes the SVG files beside this script, for light pages and for dark ones
    docs/pictures/draw.py --check    # fails if one of them is not what this script draws; CI runs this
"""

import pathlib
import sys
from xml.sax.saxutils import escape

HERE = pathlib.Path(__file__).resolve().parent
THEMES = {
    "light": {
        "ground": "#ffffff", "text": "#24292f", "faint": "#57606a", "line": "#8c959f", "plain": "#f6f8fa",
        "array": "#ddf4ff", "inline": "#fff8c5", "meta": "#eaeef2",
    },
    "dark": {
        "ground": "#0d1117", "text": "#e6edf3", "faint": "#9198a1", "line": "#6e7681", "plain": "#161b22",
        "array": "#0c2d6b", "inline": "#4b3a00", "meta": "#21262d",
    },
}
MONO = "ui-monospace, SFMono-Regular, Menlo, monospace"
SANS = "system-ui, sans-serif"


class Picture:
    def __init__(self, width, height, title, colors):
        self.colors = colors
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">',
            f"<title>{escape(title)}</title>",
            f'<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">'
            f'<path d="M0 0 8 4 0 8z" fill="{colors["line"]}"/></marker></defs>',
            f'<rect width="{width}" height="{height}" fill="{colors["ground"]}"/>',
        ]

    def box(self, x, y, width, height, fill, dashed=False):
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="3" fill="{self.colors[fill]}" '
            f'stroke="{self.colors["line"]}"{dash}/>'
        )

    def text(self, x, y, text, size=13, anchor="start", mono=False, color="text", weight="normal"):
        self.parts.append(
            f'<text x="{x}" y="{y}" font-family="{MONO if mono else SANS}" font-size="{size}" font-weight="{weight}" '
            f'text-anchor="{anchor}" fill="{self.colors[color]}" xml:space="preserve">{escape(text)}</text>'
        )

    def arrow(self, points, dashed=False):
        path = " ".join(f"{x},{y}" for x, y in points)
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{self.colors["line"]}" stroke-width="1.3"{dash} marker-end="url(#tip)"/>'
        )

    def svg(self):
        return "\n".join([*self.parts, "</svg>", ""])


def layout(colors):
    """A struct, and where its fields lie in a block."""
    picture = Picture(760, 340, "Where the fields of a struct lie in a segment", colors)
    picture.text(20, 30, "The struct", weight="bold")
    picture.text(420, 30, "The segment: one block, front to back", weight="bold")
    lines = [
        ("struct Model {", None),
        ("    name: String,", "inline"),
        ("    weights: Array2<f32>,", "array"),
        ("    #[shm_array]", None),
        ("    bias: Vec<f32>,", "array"),
        ("    layers: Vec<Layer>,", "inline"),
        ("}", None),
    ]
    picture.box(20, 44, 240, 172, "plain")
    for number, (line, _) in enumerate(lines):
        picture.text(32, 68 + 22 * number, line, mono=True)
    parts = [
        ("header", "magic, version, nonce", "meta", 26),
        ("weights", "4 bytes an element, at a multiple of 64", "array", 52),
        ("bias", "4 bytes an element, at a multiple of 64", "array", 40),
        ("inline block", "name, layers, and a number for each array", "inline", 40),
        ("tables", "names of structs and fields, once", "meta", 26),
        ("directory", "path, dtype, shape and place of each array", "meta", 26),
        ("trailer", "lengths, checksum", "meta", 26),
    ]
    y, middles = 44, {}
    for name, what, fill, height in parts:
        picture.box(420, y, 320, height, fill)
        picture.text(430, y + height / 2 + 4, name, size=12, mono=True)
        picture.text(730, y + height / 2 + 4, what, size=10, anchor="end", color="faint")
        middles[name] = y + height / 2
        y += height
    for row, target, turn in [(1, "inline block", 360), (2, "weights", 330), (4, "bias", 345), (5, "inline block", 375)]:
        start = 64 + 22 * row
        offset = 6 if row == 5 else 0
        picture.arrow([(264, start), (turn, start), (turn, middles[target] + offset), (416, middles[target] + offset)])
    picture.text(20, 300, "A reader that asks for views gets pointers into the arrays, and borrows texts from the inline block.", size=12, color="faint")
    picture.text(20, 320, "Nothing of an array is looked at before it is asked for, and the checksum covers all that is not an array.", size=12, color="faint")
    return picture.svg()


def mapping(colors):
    """Processes that share one segment."""
    picture = Picture(760, 330, "Who maps a segment, and when it is freed", colors)
    picture.box(300, 96, 160, 120, "array")
    picture.text(380, 120, "sealed memory", anchor="middle", weight="bold")
    for number, line in enumerate(["nobody can write,", "grow or cut it:", "the kernel sees to it"]):
        picture.text(380, 146 + 18 * number, line, size=12, anchor="middle", color="faint")
    picture.text(380, 206, "one copy in all", size=12, anchor="middle")
    for x, name, deed, note in [
        (30, "the maker", "to_shared(&model)", "writes once, then seals"),
        (30, "a worker", "segment.get::<View>()", "views: no copy"),
        (550, "a server", "get::<ShmArray2<f32>>()", "handles keep the memory"),
        (550, "a program", "from_shared::<Model>(id)", "owned: one copy"),
    ]:
        below = name in ("a worker", "a program")
        y = 200 if below else 40
        picture.box(x, y, 180, 76, "plain")
        picture.text(x + 90, y + 22, name, anchor="middle", weight="bold")
        picture.text(x + 90, y + 44, deed, size=11, anchor="middle", mono=True)
        picture.text(x + 90, y + 64, note, size=11, anchor="middle", color="faint")
        side = (x + 184, 296) if x < 300 else (x - 4, 464)
        picture.arrow([(side[0], y + 38), (side[1], 186 if below else 126)])
    picture.box(295, 20, 170, 40, "meta", dashed=True)
    picture.text(380, 45, "/dev/shm/…/a name", size=12, anchor="middle", mono=True)
    picture.arrow([(380, 62), (380, 92)], dashed=True)
    picture.text(20, 304, "The memory is freed with its last user, also if that was killed. A name is optional: it leads to the memory", size=12, color="faint")
    picture.text(20, 322, "while its maker lives, and does not keep it.", size=12, color="faint")
    return picture.svg()


def main():
    wrong = []
    for name, draw in [("segment", layout), ("processes", mapping)]:
        for theme, colors in THEMES.items():
            path = HERE / f"{name}-{theme}.svg"
            drawn = draw(colors)
            if "--check" not in sys.argv:
                path.write_text(drawn, encoding="utf-8")
            elif not path.exists() or path.read_text(encoding="utf-8") != drawn:
                wrong.append(path.name)
    if wrong:
        sys.exit(f"not what docs/pictures/draw.py draws: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
