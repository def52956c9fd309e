"""Draws the rounds of all rows against their targets: an SVG by hand, so that it needs nothing."""
import html
import math

ROW, LEFT, WIDTH, TOP = 34, 430, 620, 30
GOOD, BAD = "#2a7f3f", "#b3261e"


def times_better(measure):
    """Each round as a multiple of the target: right of 1 is met, whichever way the target looks."""
    sign, target = measure.reach.split()
    target = float(target)
    return [max(r, 1e-9) / target if sign[0] == ">" else target / max(r, 1e-9) for r in measure.rounds]


def svg(measures):
    rows = [m for m in measures if m.reach[0] in "<>"]
    values = [[min(max(v, 0.05), 100) for v in times_better(m)] for m in rows]
    low = math.log10(min([0.5] + [v for vs in values for v in vs])) - 0.05
    high = math.log10(max([2] + [v for vs in values for v in vs])) + 0.05

    def x(value):
        return LEFT + WIDTH * (math.log10(value) - low) / (high - low)
    bottom = TOP + ROW * len(rows)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 30}" height="{bottom + 50}" '
           'font-family="sans-serif" font-size="11">',
           '<rect width="100%" height="100%" fill="white"/>']
    for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100):
        if low <= math.log10(tick) <= high:
            stroke = "black" if tick == 1 else "#dddddd"
            out.append(f'<line x1="{x(tick):.1f}" y1="{TOP}" x2="{x(tick):.1f}" y2="{bottom}" stroke="{stroke}"/>')
            out.append(f'<text x="{x(tick):.1f}" y="{bottom + 15}" text-anchor="middle">{tick:g}</text>')
    for i, (m, points) in enumerate(zip(rows, values)):
        y = TOP + ROW * i + ROW / 2
        colour = GOOD if m.met else BAD
        out.append(f'<text x="{LEFT - 10}" y="{y - 2}" text-anchor="end">{html.escape(m.work)}</text>')
        out.append(f'<text x="{LEFT - 10}" y="{y + 11}" text-anchor="end" fill="#666666">'
                   f'{html.escape(m.against)}, {html.escape(m.reach)}</text>')
        for point in points:
            out.append(f'<circle cx="{x(point):.1f}" cy="{y:.1f}" r="4.5" fill="{colour}" fill-opacity="0.5"/>')
    out.append(f'<text x="{LEFT + WIDTH / 2}" y="{bottom + 36}" text-anchor="middle">'
               'times better than the target; each dot is a round, right of the line is met</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"
