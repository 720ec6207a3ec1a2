"""Where the nodes and edges of a small graph go: a layered top-down layout after Sugiyama, Tagawa and Toda (1981).

Edges that would run upwards are left out of the layering and drawn round the right side; longest paths give the
layers; every other edge gets a place of its own in the layers it crosses, wide enough for its label, so labels never
overlap; barycentre sweeps order a layer; coordinates are least squares under the order. Sizes are pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

GAP, LINE = 16.0, 14.0
NODE_HEIGHT, LANE_HEIGHT, MARGIN = 44.0, 24.0, 12.0
_SWEEPS = 24
_STRAIGHT = 8.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its centre."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Link:
    """An edge to lay out: node ids and the size of its label (0 without one)."""

    source: str
    target: str
    label_width: float = 0.0
    label_height: float = 0.0


@dataclass(frozen=True, slots=True)
class Route:
    """Where an edge runs: its points from source to target, and the centre of its label; `back` runs upwards."""

    points: tuple[tuple[float, float], ...]
    label: tuple[float, float]
    back: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """Boxes per node id, a route per link in the order given, the leftmost x and the size of the whole."""

    boxes: Mapping[str, Box]
    routes: tuple[Route, ...]
    left: float
    width: float
    height: float


@dataclass(slots=True)
class _Item:
    """A node, or the place of an edge in a layer it crosses (`lane`)."""

    width: float
    height: float
    layer: int
    above: list[_Item] = field(default_factory=list)
    below: list[_Item] = field(default_factory=list)
    lane: bool = False
    position: float = 0.0
    x: float = 0.0
    y: float = 0.0

    def pull(self, neighbours: Sequence[_Item]) -> tuple[float, float]:
        """Where its neighbours want it, and how strongly: long edges are kept straight before anything else."""
        weights = [
            (_STRAIGHT if self.lane and other.lane else 2.0 if self.lane or other.lane else 1.0) for other in neighbours
        ]
        total = sum(weights)
        if not total:
            return self.x, 0.1
        return sum(weight * other.x for weight, other in zip(weights, neighbours, strict=True)) / total, total


def lay_out(widths: Mapping[str, float], links: Sequence[Link]) -> Layout:
    """Lay out nodes (id to width, in order of appearance) and links between them. Any directed graph will do."""
    backward = back_links(list(widths), links)
    ends = set(widths) - {link.source for link in links}
    ranks = _ranks(list(widths), ends, [link for i, link in enumerate(links) if i not in backward])
    nodes = {node: _Item(width, NODE_HEIGHT, 2 * ranks[node]) for node, width in widths.items()}
    chains = [[] if i in backward else _chain(link, nodes) for i, link in enumerate(links)]
    layers = _layers([*nodes.values(), *(item for chain in chains for item in chain)])
    _order(layers)
    height = _place(layers)
    boxes = {node: Box(item.x, item.y, item.width, item.height) for node, item in nodes.items()}
    leaving, entering = _ports(boxes, links, chains, backward)
    lanes = _Lanes(boxes.values(), [item for chain in chains for item in chain])
    routes: list[Route] = []
    for index, link in enumerate(links):
        if index in backward:
            routes.append(lanes.route(boxes[link.source], boxes[link.target], link))
        else:
            routes.append(_forward(leaving[index], chains[index], entering[index]))
    left = lanes.left - MARGIN
    return Layout(boxes, tuple(routes), left, lanes.right + MARGIN - left, height)


def back_links(nodes: Sequence[str], links: Sequence[Link]) -> set[int]:
    """Indices of the links that close a cycle, in depth-first order from the nodes nothing leads to."""
    out: dict[str, list[int]] = {node: [] for node in nodes}
    for index, link in enumerate(links):
        out[link.source].append(index)
    targets = {link.target for link in links if link.source != link.target}
    backward: set[int] = set()
    state: dict[str, str] = {}

    def visit(node: str) -> None:
        state[node] = "open"
        for index in out[node]:
            target = links[index].target
            if state.get(target) == "open":
                backward.add(index)
            elif target not in state:
                visit(target)
        state[node] = "done"

    for node in sorted(nodes, key=lambda n: n in targets):
        if node not in state:
            visit(node)
    return backward


def _ranks(nodes: Sequence[str], ends: set[str], forward: Sequence[Link]) -> dict[str, int]:
    """Longest path from above; where cases end goes to a layer of its own at the bottom, side by side."""
    ranks = dict.fromkeys(nodes, 0)
    for _ in nodes:
        for link in forward:
            ranks[link.target] = max(ranks[link.target], ranks[link.source] + 1)
    last = max([ranks[node] + 1 for node in nodes if node not in ends], default=0)
    return {node: last if node in ends else rank for node, rank in ranks.items()}


def _chain(link: Link, nodes: Mapping[str, _Item]) -> list[_Item]:
    source, target = nodes[link.source], nodes[link.target]
    chain = [_Item(8.0, 0.0, layer, lane=True) for layer in range(source.layer + 1, target.layer)]
    chain[0].width, chain[0].height = max(8.0, link.label_width), link.label_height
    for upper, lower in pairwise([source, *chain, target]):
        upper.below.append(lower)
        lower.above.append(upper)
    return chain


def _layers(items: Sequence[_Item]) -> list[list[_Item]]:
    layers: list[list[_Item]] = [[] for _ in range(1 + max((item.layer for item in items), default=0))]
    for item in items:
        item.position = len(layers[item.layer])
        layers[item.layer].append(item)
    return layers


def _order(layers: list[list[_Item]]) -> None:
    """Barycentre sweeps down and up; the order with the fewest crossings seen is kept."""
    best, fewest = [list(layer) for layer in layers], _crossings(layers)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            layer.sort(
                key=lambda item: _mean([n.position for n in (item.above if down else item.below)], item.position)
            )
            _number(layer)
        crossings = _crossings(layers)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    for layer, order in zip(layers, best, strict=True):
        layer[:] = order
        _number(layer)


def _number(layer: Sequence[_Item]) -> None:
    for position, item in enumerate(layer):
        item.position = position


def _crossings(layers: Sequence[Sequence[_Item]]) -> int:
    total = 0
    for layer in layers:
        ends = [(item.position, lower.position) for item in layer for lower in item.below]
        total += sum((a - c) * (b - d) < 0 for i, (a, b) in enumerate(ends) for c, d in ends[:i])
    return total


def _place(layers: list[list[_Item]]) -> float:
    """Set x and y of every item; returns the height of the whole."""
    top = MARGIN
    for layer in layers:
        height = max(LANE_HEIGHT, max((_room(item) for item in layer), default=0.0))
        for item in layer:
            item.y = top + height / 2
        top += height
        _separate(layer, [(item.x, 1.0) for item in layer])
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            _separate(layer, [item.pull(item.above if down else item.below) for item in layer])
    for layer in layers[::-1] + layers:
        _separate(layer, [item.pull([*item.above, *item.below]) for item in layer])
    left = min((item.x - item.width / 2 for layer in layers for item in layer), default=0.0)
    for layer in layers:
        for item in layer:
            item.x += MARGIN - left
    return top + MARGIN


def _room(item: _Item) -> float:
    """The height a layer gives an item: a label needs room above and below for the edge to bend."""
    return item.height + (30 if item.lane and item.height else 12)


def _separate(layer: Sequence[_Item], wanted: Sequence[tuple[float, float]]) -> None:
    """The x nearest to what is wanted (weighted least squares) that keep order and gap: pool adjacent violators."""
    offsets = [0.0]
    for one, two in pairwise(layer):
        offsets.append(offsets[-1] + (one.width + two.width) / 2 + GAP)
    pools: list[tuple[float, float, int]] = []
    for (want, weight), offset in zip(wanted, offsets, strict=False):
        mean, size = want - offset, 1
        while pools and pools[-1][0] > mean:
            earlier, heavier, count = pools.pop()
            mean = (earlier * heavier + mean * weight) / (heavier + weight)
            weight, size = weight + heavier, count + size
        pools.append((mean, weight, size))
    settled = [mean for mean, _, size in pools for _ in range(size)]
    for item, base, offset in zip(layer, settled, offsets, strict=False):
        item.x = base + offset


def _ports(
    boxes: Mapping[str, Box], links: Sequence[Link], chains: Sequence[Sequence[_Item]], backward: set[int]
) -> tuple[dict[int, tuple[float, float]], dict[int, tuple[float, float]]]:
    """Edges of one node leave its lower side and enter its upper side spread out, in the order of where they go."""
    leaving: dict[int, tuple[float, float]] = {}
    entering: dict[int, tuple[float, float]] = {}
    for node, box in boxes.items():
        down = [i for i, link in enumerate(links) if link.source == node and i not in backward]
        up = [i for i, link in enumerate(links) if link.target == node and i not in backward]
        for ends, side, at in ((down, 0, leaving), (up, -1, entering)):
            y = box.y + (box.height / 2 if side == 0 else -box.height / 2)
            for place, index in enumerate(sorted(ends, key=lambda i: chains[i][side].x)):
                share = (place + 1) / (len(ends) + 1) - 0.5
                at[index] = (box.x + share * 0.7 * box.width, y)
    return leaving, entering


def _forward(start: tuple[float, float], chain: Sequence[_Item], end: tuple[float, float]) -> Route:
    """Through the label from above to below, then down its lane; a short edge without a label has no bends."""
    first, *rest = chain
    inner = [(first.x, first.y - first.height / 2), (first.x, first.y + first.height / 2)] if first.height else []
    if rest:
        inner += [(item.x, item.y) for item in (rest if first.height else chain)]
    return Route((start, *inner, end), (first.x, first.y), back=False)


class _Lanes:
    """Lanes left and right of everything, in which edges run back up; each takes the next one outwards."""

    def __init__(self, boxes: Iterable[Box], lanes: Iterable[_Item]) -> None:
        # Crossing another edge is a small thing, passing behind a node a great one.
        self._obstacles = [(box, 10) for box in boxes]
        self._obstacles += [(Box(lane.x, lane.y, lane.width, lane.height), 1) for lane in lanes]
        self.left = min((box.x - box.width / 2 for box, _ in self._obstacles), default=0.0)
        self.right = max((box.x + box.width / 2 for box, _ in self._obstacles), default=0.0)

    def route(self, source: Box, target: Box, link: Link) -> Route:
        """Out of the source's side, up the lane, into the target's side: the side where less is in the way."""
        side = 1 if self._in_the_way(source, target, 1) <= self._in_the_way(source, target, -1) else -1
        lane = self.right + GAP if side == 1 else self.left - GAP
        start = (source.x + side * source.width / 2, source.y + (6.0 if source == target else 0.0))
        end = (target.x + side * target.width / 2, target.y - 6.0)
        label = (lane + side * (6 + link.label_width / 2), (start[1] + end[1]) / 2)
        outer = lane + side * (6 + link.label_width)
        self.left, self.right = min(self.left, outer), max(self.right, outer)
        return Route((start, (lane, start[1]), (lane, end[1]), end), label, back=True)

    def _in_the_way(self, source: Box, target: Box, side: int) -> int:
        return sum(
            weight
            for end in (source, target)
            for box, weight in self._obstacles
            if abs(box.y - end.y) < (box.height + end.height) / 2 and side * (box.x - end.x) > 0
        )


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
