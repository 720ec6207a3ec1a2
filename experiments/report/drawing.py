"""Oversight graphs as self-contained SVG: layered, coloured by role, readable on light and dark paper."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from html import escape

from experiments.report.layout import LINE, MARGIN, Box, Layout, Link, Route, lay_out
from experiments.results.arms import DrawnEdge, DrawnNode
from hierarchy.audit.safe_text import visible

__all__ = ["ROLE_COLOURS", "DrawnEdge", "DrawnNode", "draw_graph"]

# Hues from Okabe and Ito (2008), chosen to stay apart for colour-blind readers; (light fill, dark fill, line).
ROLE_COLOURS: dict[str, tuple[str, str, str]] = {
    "start": ("#f3f3f1", "#2a2b2e", "#8a8a86"),
    "base": ("#dcebf7", "#143a56", "#2b7fb8"),
    "reviser": ("#dff1f8", "#12404d", "#3aa3c4"),
    "critic": ("#fdeccb", "#4d3708", "#c98a06"),
    "safety": ("#fbdfd2", "#532611", "#d1590b"),
    "judge": ("#f6e1ee", "#4a2039", "#b8578f"),
    "consensus": ("#eae6f6", "#332a57", "#7a68c4"),
    "auditor": ("#d8f0e7", "#0c4534", "#0b9168"),
    "queue": ("#d8f0e7", "#0c4534", "#0b9168"),
    "sink": ("#ffffff", "#1b1c1f", "#6d6d6a"),
}
_NAMES = {"start": "prompt", "queue": "human audit queue", "sink": "outcome", "auditor": "human audit queue"}
_TITLE_WIDTH, _LABEL_WIDTH, _LABEL_LINES = 24, 20, 3
_TITLE_PIXELS, _LABEL_PIXELS = 7.3, 6.1


def draw_graph(nodes: Sequence[DrawnNode], edges: Sequence[DrawnEdge], name: str = "Oversight graph") -> str:
    """An SVG element of the graph, with a legend of the roles in it; all text is escaped.

    Solid edges run downwards, dashed ones go back (bounded loops). Raises ValueError where an edge names no node.
    """
    layout, labels = placed(nodes, edges)
    body = [_edge(edge, route) for edge, route in zip(edges, layout.routes, strict=True)]
    body += [_label(edge, lines, route) for edge, lines, route in zip(edges, labels, layout.routes, strict=True)]
    body += [_node(node, layout.boxes[node.id]) for node in nodes]
    legend, width, height = _legend(nodes, layout)
    return (
        f'<svg class="og" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(visible(name))}" '
        f'viewBox="{layout.left:.0f} 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}">'
        f"<title>{escape(visible(name))}</title><style>{_STYLE}</style>{_MARKER}{''.join(body)}{legend}</svg>"
    )


def placed(nodes: Sequence[DrawnNode], edges: Sequence[DrawnEdge]) -> tuple[Layout, list[list[str]]]:
    """Where everything goes, and the lines of every edge's label. Raises ValueError where an edge names no node."""
    known = {node.id for node in nodes}
    for edge in edges:
        if not {edge.source, edge.target} <= known:
            raise ValueError(f"edge {edge.source} -> {edge.target} names a node that is not drawn")
    labels = [_lines(visible(edge.label)) for edge in edges]
    links = [
        Link(edge.source, edge.target, max(map(len, lines), default=0) * _LABEL_PIXELS, len(lines) * LINE)
        for edge, lines in zip(edges, labels, strict=True)
    ]
    return lay_out({node.id: _width(node) for node in nodes}, links), labels


def _colours(part: int) -> str:
    return "".join(f".og .{role}{{fill:{fill[part]}}}" for role, fill in ROLE_COLOURS.items())


_STYLE = (
    ".og{font:12.5px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}"
    ".og text{fill:#1d1d1b;text-anchor:middle}.og .sub,.og .edge-label,.og .legend{font-size:10.5px}"
    ".og .sub,.og .legend{fill:#5c5c58}.og .legend{text-anchor:start}.og .edge{fill:none;stroke:#77776f}"
    ".og .edge{stroke-width:1.3}.og .back{stroke-dasharray:5 3}.og .arrow{fill:#77776f}"
    ".og .edge-label{fill:#45453f}.og .paper{fill:var(--paper,#fff)}.og rect{stroke-width:1.4}"
    + _colours(0)
    + "@media(prefers-color-scheme:dark){"
    ".og text{fill:#ecece8}.og .sub,.og .legend{fill:#b3b3ac}.og .edge{stroke:#9a9a93}.og .arrow{fill:#9a9a93}"
    ".og .edge-label{fill:#d0d0c9}.og .paper{fill:var(--paper,#17181a)}" + _colours(1) + "}"
)
_MARKER = (
    '<defs><marker id="og-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path class="arrow" d="M0 .8 8 4 0 7.2z"/></marker></defs>'
)


def _node(node: DrawnNode, box: Box) -> str:
    role = node.role if node.role in ROLE_COLOURS else "start"
    left, top, round_ = box.x - box.width / 2, box.y - box.height / 2, box.height / 2 if role == "sink" else 7
    line = ROLE_COLOURS[role][2]
    below = subtitle(node)
    shape = f'width="{box.width:.1f}" height="{box.height:.1f}" rx="{round_:.0f}" stroke="{line}"'
    behind = (
        f'<rect class="{role}" x="{left + 4:.1f}" y="{top - 4:.1f}" {shape}/>' if role in ("queue", "auditor") else ""
    )
    at = box.y + (4.5 if not below else -2)
    texts = f'<text x="{box.x:.1f}" y="{at:.1f}">{escape(shortened(node.title))}</text>'
    if below:
        texts += f'<text class="sub" x="{box.x:.1f}" y="{box.y + 13:.1f}">{escape(below)}</text>'
    hover = f"<title>{escape(visible(node.title))} ({escape(_NAMES.get(node.role, node.role))})</title>"
    return f'<g>{hover}{behind}<rect class="{role}" x="{left:.1f}" y="{top:.1f}" {shape}/>{texts}</g>'


def _edge(edge: DrawnEdge, route: Route) -> str:
    path = path_of(route)
    style = "edge back" if route.back or edge.back else "edge"
    return f'<path class="{style}" d="{path}" marker-end="url(#og-arrow)"/>'


def path_of(route: Route) -> str:
    """The path of an edge in SVG's commands M, C, H, V and Q."""
    return _round_the_side(route) if route.back else _downwards(route)


def _downwards(route: Route) -> str:
    """A smooth line through the points that leaves and enters vertically."""
    (x, y), *rest = route.points
    path = [f"M{x:.1f} {y:.1f}"]
    for to_x, to_y in rest:
        middle = (y + to_y) / 2
        path.append(f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}")
        x, y = to_x, to_y
    return "".join(path)


def _round_the_side(route: Route) -> str:
    """Out to the lane, up, and back in, with rounded corners."""
    (x, y), (lane, low), (_, high), (to_x, to_y) = route.points
    radius = min(10.0, abs(low - high) / 2)
    inner = lane - radius if lane > x else lane + radius
    return (
        f"M{x:.1f} {y:.1f}H{inner:.1f}Q{lane:.1f} {low:.1f} {lane:.1f} {low - radius:.1f}"
        f"V{high + radius:.1f}Q{lane:.1f} {high:.1f} {inner:.1f} {to_y:.1f}H{to_x:.1f}"
    )


def _label(edge: DrawnEdge, lines: Sequence[str], route: Route) -> str:
    if not lines:
        return ""
    (x, y), width, height = route.label, max(map(len, lines)) * _LABEL_PIXELS + 4, len(lines) * LINE + 1
    top = y - (len(lines) - 1) * LINE / 2 + 3.5
    spans = "".join(
        f'<tspan x="{x:.1f}" y="{top + i * LINE:.1f}">{escape(line)}</tspan>' for i, line in enumerate(lines)
    )
    corner = f'x="{x - width / 2:.1f}" y="{y - height / 2:.1f}"'
    paper = f'<rect class="paper" {corner} width="{width:.1f}" height="{height:.1f}"/>'
    return f'<g><title>{escape(visible(edge.label))}</title>{paper}<text class="edge-label">{spans}</text></g>'


def _legend(nodes: Sequence[DrawnNode], layout: Layout) -> tuple[str, float, float]:
    """One swatch per role that occurs, in as many rows as the width needs; with the new width and height."""
    roles = [role for role in ROLE_COLOURS if any(node.role == role for node in nodes)]
    advances = [22 + _LABEL_PIXELS * len(_NAMES.get(role, role)) + 8 for role in roles]
    width = max([layout.width, *(advance + 2 * MARGIN for advance in advances)])
    parts: list[str] = []
    left = layout.left + MARGIN
    x, y = left, layout.height + 4
    for role, advance in zip(roles, advances, strict=True):
        if x + advance > layout.left + width:
            x, y = left, y + 18
        parts.append(
            f'<rect class="{role}" x="{x:.1f}" y="{y:.1f}" width="12" height="12" rx="3" '
            f'stroke="{ROLE_COLOURS[role][2]}"/>'
            f'<text class="legend" x="{x + 17:.1f}" y="{y + 10:.1f}">{escape(_NAMES.get(role, role))}</text>'
        )
        x += advance
    return "".join(parts), width, y + 12 + MARGIN


def _width(node: DrawnNode) -> float:
    return max(84.0, 26 + _TITLE_PIXELS * len(shortened(node.title)), 20 + _LABEL_PIXELS * len(subtitle(node)))


def subtitle(node: DrawnNode) -> str:
    """The role under the title, where the title does not say it already, and the side of a debater."""
    name = _NAMES.get(node.role, node.role) + (f", {node.side}" if node.side else "")
    return "" if node.role in ("sink", "start") or node.title == node.role else shortened(name)


def shortened(text: str) -> str:
    """A title on one line, cut where it is long."""
    flat = visible(" ".join(text.split()))
    return flat if len(flat) <= _TITLE_WIDTH else flat[: _TITLE_WIDTH - 1] + "…"


def _lines(label: str) -> list[str]:
    return textwrap.wrap(label, _LABEL_WIDTH, max_lines=_LABEL_LINES, placeholder=" …")
