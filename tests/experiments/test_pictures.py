"""Every figure of a page as a file: complete, offline, the same for the same figures."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments.report.report import render_report, run_page
from experiments.report.still import paint
from experiments.report.still_graph import curve


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a picture asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_every_figure_becomes_a_file(demo, tmp_path: Path, kind: str, no_network: None) -> None:
    page = run_page(demo)
    render_report(demo, tmp_path / "report.html", kind)
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    expected = {f"chart-{chart.id}.{kind}" for chart in page.charts}
    assert names == expected | {f"graph-{i + 1}.{kind}" for i in range(len(page.drawings))}
    for path in (tmp_path / "figures").iterdir():
        if kind == "png":
            with Image.open(path) as picture:
                assert min(picture.size) > 100
                assert len(np.unique(np.asarray(picture.convert("L")))) > 10  # something is drawn
        else:
            assert path.read_text(encoding="utf-8").rstrip().endswith("</svg>")


def test_the_same_figures_give_the_same_bytes(demo, tmp_path: Path) -> None:
    for name in ("a", "b"):
        render_report(demo, tmp_path / name / "report.html", "svg")
    one, other = ({p.name: p.read_bytes() for p in (tmp_path / name / "figures").iterdir()} for name in "ab")
    assert one == other != {}


def test_a_picture_has_the_points_and_words_of_its_chart(demo) -> None:
    chart = next(chart for chart in run_page(demo).charts if chart.id == "missed")
    axes = paint(chart).axes[0]
    drawn = [container.lines[0] for container in axes.containers]
    assert [line.get_label() for line in axes.containers] == [trace["name"] for trace in chart.data]
    for line, trace in zip(drawn, chart.data, strict=True):
        assert list(line.get_xdata()) == pytest.approx(trace["x"])
    assert [tick.get_text() for tick in axes.get_yticklabels()] == chart.layout["yaxis"]["ticktext"]


def test_svg_holds_no_script_and_hostile_words_as_text(demo, hostile, tmp_path: Path) -> None:
    arms = tuple(arm.model_copy(update={"title": hostile}) for arm in demo.arms)
    render_report(demo.model_copy(update={"arms": arms}), tmp_path / "report.html", "svg")
    texts = [path.read_text(encoding="utf-8") for path in (tmp_path / "figures").iterdir()]
    for text in texts:
        assert not re.search(r"<(script|img)", text)
        assert "\u202e" not in text
    assert any("alert(1)" in text for text in texts), "the words are there, as text"


def test_a_path_goes_where_the_svg_goes() -> None:
    found = curve("M1 2C1 4 5 4 5 6H9Q10 6 10 5V0")
    assert found.vertices.tolist() == [[1, 2], [1, 4], [5, 4], [5, 6], [9, 6], [10, 6], [10, 5], [10, 0]]
    assert list(found.codes) == [1, 4, 4, 4, 2, 3, 3, 2]
