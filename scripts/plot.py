#!/usr/bin/env python3
"""Draws size against speed as SVG: the levels measured by scripts/levels.sh as a
line, the other compressors measured by scripts/peers.sh as points.

    scripts/plot.py levels.json [peers.txt] >levels.svg

Size is in bits per byte, speed in kB per processor second of compression. Both
cover all files that levels.json has at every level and, for a peer, that are also
in peers.txt. Files are matched by name and length.
"""

import json
import math
import re
import sys
from html import escape

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 20, 50


def total(rows):
    """Returns kilobytes per second and bits per byte of (raw, bytes, seconds) rows."""
    raw, coded, seconds = (sum(column) for column in zip(*rows))
    return raw / max(seconds, 0.01) / 1000, 8 * coded / raw


def levels(path):
    """Returns [(label, speed, size)] of every level, and the keys of the files."""
    with open(path) as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    by_level = {}
    for row in rows:
        key = (row["file"], row["raw"])
        by_level.setdefault(row["level"], {})[key] = (row["raw"], row["bytes"], row["encode_cpu"])
    files = set.intersection(*(set(level) for level in by_level.values()))
    if not files:
        sys.exit("plot.py: no file was measured at every level")
    points = [(f"-{n}", *total([level[key] for key in files])) for n, level in sorted(by_level.items())]
    return points, files


def peers(path, files):
    """Returns [(name, speed, size)] of the peers that compressed all of the files."""
    found, key = {}, None
    with open(path) as lines:
        for line in lines:
            head = re.match(r"(.*), (\d+) bytes$", line.rstrip())
            if head:
                key = (head[1].rsplit("/", 1)[-1], int(head[2]))
                continue
            row = re.match(r"(.{26})\s+(\d+)\s+\S+\s+([\d.]+)\s+[\d.]+\s.*\sok$", line.rstrip())
            if row and key in files and not row[1].startswith("lockstep"):
                found.setdefault(row[1].strip(), {})[key] = (key[1], int(row[2]), float(row[3]))
    return [(name, *total(rows.values())) for name, rows in found.items() if set(rows) == files]


def draw(line, points):
    """Returns the text of the SVG."""
    everything = line + points
    low = math.floor(math.log10(min(speed for _, speed, _ in everything)))
    high = math.ceil(math.log10(max(speed for _, speed, _ in everything)))
    high = max(high, low + 1)
    least = math.floor(10 * min(size for _, _, size in everything)) / 10
    most = max(math.ceil(10 * max(size for _, _, size in everything)) / 10, least + 0.1)

    def place(speed, size):
        x = LEFT + (math.log10(speed) - low) / (high - low) * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - (size - least) / (most - least) * (HEIGHT - TOP - BOTTOM)
        return round(x, 1), round(y, 1)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for power in range(low, high + 1):
        (x, bottom), (_, top) = place(10**power, least), place(10**power, most)
        out.append(f'<line x1="{x}" y1="{top}" x2="{x}" y2="{bottom}" stroke="#ddd"/>')
        out.append(f'<text x="{x}" y="{bottom + 16}" text-anchor="middle">{10.0**power:g}</text>')
    step = 0.1 if most - least < 1.05 else 0.2 if most - least < 2.05 else 0.5
    for n in range(round((most - least) / step) + 1):
        size = least + n * step
        (x, y), (right, _) = place(10**low, size), place(10**high, size)
        out.append(f'<line x1="{x}" y1="{y}" x2="{right}" y2="{y}" stroke="#ddd"/>')
        out.append(f'<text x="{x - 6}" y="{y + 4}" text-anchor="end">{size:.1f}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    out.append(f'<text x="{middle}" y="{HEIGHT - 10}" text-anchor="middle">kB a processor second (compressing)</text>')
    out.append(f'<text transform="translate(16 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">bits a byte</text>')
    path = " ".join(f"{x},{y}" for x, y in (place(speed, size) for _, speed, size in line))
    out.append(f'<polyline points="{path}" fill="none" stroke="#06c" stroke-width="2"/>')
    for items, color in ((line, "#06c"), (points, "#c40")):
        for name, speed, size in items:
            x, y = place(speed, size)
            out.append(f'<circle cx="{x}" cy="{y}" r="4" fill="{color}"/>')
            anchor, shift = ("end", -7) if x > WIDTH - 140 else ("start", 7)
            out.append(
                f'<text x="{x + shift}" y="{y - 6}" text-anchor="{anchor}" fill="{color}">{escape(name)}</text>'
            )
    out.append("</svg>")
    return "\n".join(out)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__.strip())
    line, files = levels(sys.argv[1])
    print(draw(line, peers(sys.argv[2], files) if len(sys.argv) == 3 else []))


main()
