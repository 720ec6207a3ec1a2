"""The tables in the terminal: the numbers of the results, never wrapped, hostile names as text."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from experiments.terminal.tables import print_results


def _terminal(results, width=100):
    stream = StringIO()
    print_results(results, Console(file=stream, width=width, color_system=None))
    return stream.getvalue()


def test_terminal_tables_have_the_numbers_and_do_not_wrap_at_100_columns(demo):
    text = _terminal(demo)
    assert max(map(len, text.splitlines())) <= 100
    for arm in demo.arms:
        rows = [line for line in text.splitlines() if arm.title in line]
        assert any(f"{100 * arm.missed.norms.value:.1f}" in row for row in rows)
        assert any(f"{arm.human_minutes:.1f}" in row for row in rows)
    for model in demo.evaluations:
        if model.split == "test":
            assert f"{100 * model.violations.override.value:.1f}" in text
    assert text == _terminal(demo, 100)


def test_in_80_columns_names_wrap_and_no_figure_is_cut(demo):
    text = _terminal(demo, 80)
    assert max(map(len, text.splitlines())) <= 80
    assert "\N{HORIZONTAL ELLIPSIS}" not in text


def test_terminal_tables_of_label_runs(labelled):
    text = _terminal(labelled)
    assert max(map(len, text.splitlines())) <= 100
    for rate in labelled.label_rates:
        assert f"{100 * rate.rates['1_full_compliance'].value:.1f}" in text
    assert "49" in text


def test_terminal_shows_hostile_titles_as_text(demo):
    arms = (demo.arms[0].model_copy(update={"title": "[red]\x1b[2J\u202e"}), *demo.arms[1:])
    text = _terminal(demo.model_copy(update={"arms": arms}))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[red]" in text
