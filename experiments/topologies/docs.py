"""docs/topologies.md, written from the builders themselves: `oversight topology docs docs`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from constitutions.errors import InputError
from experiments.topologies.commands import as_svg, as_text
from hierarchy.builders import BUILDERS, builder, parameters
from hierarchy.graph import OversightGraph

DRAWN_WITH: Mapping[str, tuple[str, ...]] = {"tree": ("branching=2",), "random_dag": ("seed=4", "nodes=4")}
"""Parameters of drawings whose defaults would be too wide for a page."""

_INTRODUCTION = """# Topologies

<!-- Written by `oversight topology docs docs`; change the builders, not this page. -->

A builder makes an ordinary oversight graph from a few parameters: the same steps, edges and conditions as a graph
written by hand, run by the same pass with simulated, scripted, recorded or transformers models. Name one in an arm:

```yaml
arms:
  small: {graph: {builder: tree, branching: 3, depth: 1}}
  large: {graph: {builder: tree, branching: 3, depth: 2}}
  mine:  {graph: my_graph.json}
```

and change it from the command line with `--set arms.large.graph.depth=3`. A graph may also be a YAML file, or
networkx node-link JSON (`hierarchy/node_link.py` says how). To look at one:

```
oversight topology list
oversight topology draw debate --set rounds=3
oversight topology draw debate --set rounds=3 --out debate.svg
oversight topology check my_graph.json
```

Agents are named by parameters. Where a builder has more seats than names, the names are used again, each time as
another `sample`: the same agent asked anew, with random numbers of its own. What relatives share, such as a family's
blind spot, they still share. In every drawing, dashed edges go back and are taken a bounded number of times. Whatever
finds no edge, a verdict that could not be read for example, goes to the graph's fallback: the human, the trusted model
where a builder has one, or refusal. Who reads whom besides (`reads`) is not drawn; `draw` without `--out` says it.
"""


def docs_command(folder: Path) -> None:
    """`oversight topology docs`: the page and its drawings. Raises InputError where they cannot be written."""
    try:
        (folder / "topologies").mkdir(parents=True, exist_ok=True)
        for name, text in pages().items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}") from None


def pages() -> dict[str, str]:
    """Every file of the documentation, by its path in the folder."""
    files = {f"topologies/{name}.svg": as_svg(_drawn(name)) + "\n" for name in BUILDERS}
    return {"topologies.md": "\n".join([_INTRODUCTION, *map(_section, BUILDERS)]), **files}


def _drawn(name: str) -> OversightGraph:
    return builder(name, DRAWN_WITH.get(name, ())).graph()


def _section(name: str) -> str:
    family = BUILDERS[name]
    source = " ".join((family.__doc__ or "").split())
    given = DRAWN_WITH.get(name, ())
    drawn = f" Drawn with `{', '.join(given)}`." if given else ""
    rows = [
        f"| `{one.name}` | `{as_text(one.default)}` | {one.accepted} | {one.meaning} |" for one in parameters(family)
    ]
    return "\n".join(
        [
            f"## {family.title}: `{name}`\n",
            f"{family.about}{drawn}\n",
            f"![{family.title}](topologies/{name}.svg)\n",
            f"{source}\n",
            "| parameter | default | accepted | what it is |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )
