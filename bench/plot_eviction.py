#!/usr/bin/env python3
"""Draws docs/eviction.svg from what the eviction simulation writes.

    FOREBAY_EVICTION_CSV=/tmp/eviction.csv build/dev/bin/tier_test --gtest_filter='EvictionSimulation.NoOther*'
    bench/plot_eviction.py /tmp/eviction.csv docs/eviction.svg

The simulation is deterministic, so the drawing changes only when the policy does. Plain SVG, no libraries.
"""

import csv
import sys
from xml.sax.saxutils import escape

PANELS = ["shuffled, data 2 x disk", "in order, data 2 x disk", "other data from epoch 6",
          "the same, hot set moves at 5", "hot 0.6 x disk, endless scan", "Zipf 0.9 over 10 x disk"]
TITLES = {"the same, hot set moves at 5": "hot 0.3 x disk beside a scan; moves at 5"}
# Colours that stay apart without red and green.
STYLES = {"Forebay": ("#0b5fa5", 3.0, ""), "LRU": ("#d55e00", 1.6, ""), "random": ("#888888", 1.6, "2 3"),
          "S3-FIFO": ("#cc79a7", 1.6, ""), "LIRS": ("#009e73", 1.6, "6 3"),
          "TinyLFU, sampled": ("#b8860b", 1.6, "8 3 2 3")}
WIDTH, HEIGHT, LEFT, TOP, GAP_X, GAP_Y = 260, 150, 50, 70, 56, 66


def read(path):
    series = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file, delimiter=";"):
            key = (row["workload"], row["policy"])
            series.setdefault(key, []).append(float(row["hit_ratio"]))
    return series


def panel(series, workload, x, y, out):
    title = TITLES.get(workload, workload).replace(" x ", " \u00d7 ")
    out.append(f'<text x="{x}" y="{y - 8}" class="t">{escape(title)}</text>')
    for tick in (0, 0.25, 0.5, 0.75, 1):
        ty = y + HEIGHT * (1 - tick)
        out.append(f'<path d="M{x} {ty:.1f}h{WIDTH}" class="g"/>')
        out.append(f'<text x="{x - 6}" y="{ty + 4:.1f}" class="a" text-anchor="end">{tick:g}</text>')
    lines = {policy: values for (name, policy), values in series.items() if name == workload}
    last = max(len(values) for values in lines.values()) - 1
    for epoch in range(0, last + 1, max(1, last // 6)):
        out.append(f'<text x="{x + WIDTH * epoch / last:.1f}" y="{y + HEIGHT + 16}" class="a" '
                   f'text-anchor="middle">{epoch}</text>')
    for policy in sorted(lines, key=lambda p: p == "Forebay"):
        colour, width, dash = STYLES[policy]
        points = " ".join(f"{x + WIDTH * i / last:.1f},{y + HEIGHT * (1 - v):.1f}"
                          for i, v in enumerate(lines[policy]))
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" '
                   f'stroke-width="{width}" stroke-dasharray="{dash}" stroke-linejoin="round"/>')


def draw(series):
    columns = 3
    rows = (len(PANELS) + columns - 1) // columns
    total_x = LEFT + columns * (WIDTH + GAP_X)
    total_y = TOP + rows * (HEIGHT + GAP_Y)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total_x} {total_y}" '
           'font-family="sans-serif">',
           "<style>.t{font-size:13px;font-weight:bold}.a{font-size:11px;fill:#555}"
           ".g{stroke:#ddd;stroke-width:1}</style>",
           f'<rect width="{total_x}" height="{total_y}" fill="#fff"/>']
    x = LEFT
    for policy, (colour, width, dash) in STYLES.items():
        out.append(f'<path d="M{x} 22h26" stroke="{colour}" stroke-width="{width}" '
                   f'stroke-dasharray="{dash}"/><text x="{x + 32}" y="26" class="a">{policy}</text>')
        x += 60 + 8 * len(policy)
    out.append(f'<text x="{LEFT}" y="46" class="a">hit ratio by epoch; the disk holds 2,000 pieces</text>')
    for index, workload in enumerate(PANELS):
        panel(series, workload, LEFT + index % columns * (WIDTH + GAP_X),
              TOP + 10 + index // columns * (HEIGHT + GAP_Y), out)
    return "\n".join(out) + "\n</svg>\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(draw(read(sys.argv[1])))


if __name__ == "__main__":
    main()
