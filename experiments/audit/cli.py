"""`oversight audit`: every command is a thin wrapper around a typed function, imported only when it is called."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from experiments.audit.page_cli import serve, token
from experiments.sampling.cli import estimate, sample, staff, threshold
from experiments.terminal.one_line import one_line

audit = typer.Typer(help="Answer the cases that wait for a person; audit a sample of the others.", no_args_is_help=True)

Run = Annotated[Path, typer.Argument(help="The directory of a run.")]
CaseId = Annotated[str, typer.Argument(help="A case id.")]
Arm = Annotated[str | None, typer.Option(help="The arm, where the case waits in several.")]
Who = Annotated[str, typer.Option(help="Your name.")]
Hidden = Annotated[bool, typer.Option("--hidden", help="Show what reviewers found.")]


class KindOption(StrEnum):
    """What may be listed."""

    CASE = "case"
    PROPOSAL = "proposal"
    CRITIQUE = "critique"


class ShapeOption(StrEnum):
    """What an export may look like."""

    JSONL = "jsonl"
    ARGILLA = "argilla"
    LABEL_STUDIO = "label-studio"


@audit.command("list")
def audit_list(
    run: Run,
    arm: Arm = None,
    kind: Annotated[KindOption, typer.Option(help="What waits.")] = KindOption.CASE,
    hidden: Hidden = False,
) -> None:
    """List the waiting cases, most urgent first."""
    with one_line():
        from experiments.audit.commands import list_command
        from hierarchy.audit.records import Kind

        list_command(run, arm, Kind(kind.value), hidden)


@audit.command("decide")
def audit_decide(
    run: Run,
    case: CaseId,
    verdict: Annotated[str, typer.Argument(help="accept, revise or reject")],
    text: Annotated[str | None, typer.Option(help="Your revision, with `revise`.")] = None,
    label: Annotated[str | None, typer.Option(help="Your label, in graphs that label.")] = None,
    principle: Annotated[list[str] | None, typer.Option(help="A principle it violates. Repeatable.")] = None,
    comment: Annotated[str | None, typer.Option(help="Why.")] = None,
    arm: Arm = None,
    kind: Annotated[KindOption, typer.Option(help="What you decide.")] = KindOption.CASE,
    step: Annotated[str | None, typer.Option(help="The step, where the case waits at several.")] = None,
    auditor: Who = "human",
    minutes: Annotated[float, typer.Option(help="Time spent.")] = 0.0,
) -> None:
    """Decide a case; `oversight resume RUN` then goes on with it."""
    with one_line():
        from experiments.audit.commands import Which, decide_command
        from hierarchy.audit.records import Kind

        given = {"text": text, "label": label, "comment": comment, "minutes": minutes}
        which = Which(arm, Kind(kind.value), step)
        decide_command(run, case, verdict, auditor, which, **given, principles=tuple(principle or ()))


@audit.command("work")
def audit_work(
    run: Run,
    auditor: Annotated[str, typer.Option(help="Your name.")],
    database: Annotated[str | None, typer.Option(help="Another way to the run's shared database: a URL.")] = None,
    arm: Arm = None,
    lease: Annotated[float, typer.Option(help="Minutes a case is yours while you do nothing.")] = 15.0,
    adjudicate: Annotated[bool, typer.Option("--adjudicate", help="Settle what reviewers disagree on.")] = False,
    findings: Annotated[bool, typer.Option(help="Show what overseers found, where it may be seen.")] = True,
) -> None:
    """Work through the queue in this terminal: a case at a time, decided by a key."""
    with one_line():
        from experiments.audit.terminal.command import work_command

        work_command(run, auditor, database, arm, lease, adjudicate, findings)


@audit.command("undo")
def audit_undo(run: Run, case: CaseId, arm: Arm = None, auditor: Who = "human") -> None:
    """Take your decision back, before the run has it."""
    with one_line():
        from experiments.audit.commands import undo_command

        undo_command(run, case, arm, auditor)


@audit.command("reopen")
def audit_reopen(
    run: Run,
    case: CaseId,
    reason: Annotated[str, typer.Option(help="Why the decision is appealed.")],
    by: Annotated[str, typer.Option(help="Who appeals.")] = "human",
    arm: Arm = None,
) -> None:
    """Appeal against a decision: the case waits again, and training rows that came from it are marked stale."""
    with one_line():
        from experiments.audit.commands import reopen_command

        reopen_command(run, case, reason, by, arm)


@audit.command("close")
def audit_close(run: Run, arm: Arm = None) -> None:
    """Let the graph's policy answer every case that still waits."""
    with one_line():
        from experiments.audit.commands import close_command

        close_command(run, arm)


@audit.command("export")
def audit_export(
    run: Run,
    shape: Annotated[ShapeOption, typer.Option("--format", help="What the records look like.")] = ShapeOption.JSONL,
    out: Annotated[Path | None, typer.Option(help="A file; default: print.")] = None,
    arm: Arm = None,
    hidden: Annotated[bool, typer.Option("--hidden", help="With what reviewers found: not for the public.")] = False,
) -> None:
    """Write the cases, and the decisions that are open to everybody."""
    with one_line():
        from experiments.audit.commands import export_command

        export_command(run, shape.value, out, arm, hidden)


@audit.command("import")
def audit_import(
    run: Run,
    path: Annotated[
        Path, typer.Argument(help="JSONL: case_id, verdict, auditor, ...; or an export that was answered.")
    ],
    shape: Annotated[ShapeOption, typer.Option("--format", help="What the file looks like.")] = ShapeOption.JSONL,
    name: Annotated[
        list[str] | None, typer.Option(help="ID=NAME: whom the other program knows so. Repeatable.")
    ] = None,
) -> None:
    """Take decisions from a file, all of them or, where something is wrong, none."""
    with one_line():
        from experiments.audit.commands import import_command

        import_command(run, path, shape.value, name or ())


@audit.command("verify")
def audit_verify(run: Run) -> None:
    """Check that nothing in the audit trail, nor beside it, was changed, removed, reordered or cut off."""
    with one_line():
        from experiments.audit.commands import verify_command

        verify_command(run)


@audit.command("gold")
def audit_gold(
    run: Run,
    path: Annotated[Path, typer.Argument(help="JSONL: name, payload, violates, ...")],
    share: Annotated[float, typer.Option(help="Share of gold among what auditors claim.")] = 0.05,
    arm: Arm = None,
) -> None:
    """Mix in cases whose answer is known, to see how well auditors judge."""
    with one_line():
        from experiments.audit.commands import gold_command

        gold_command(run, path, share, arm)


@audit.command("auditors")
def audit_auditors(run: Run) -> None:
    """Tell how well each auditor judges: by gold cases, and by Dawid and Skene."""
    with one_line():
        from experiments.audit.commands import auditors_command

        auditors_command(run)


@audit.command("propose")
def audit_propose(
    run: Run,
    path: Annotated[Path, typer.Argument(help="YAML: what changes, why, and its measured effect.")],
    by: Annotated[str, typer.Option(help="Who proposes.")] = "human",
) -> None:
    """Put a change to a constitution, an evaluation procedure or a critic before people."""
    with one_line():
        from experiments.audit.commands import propose_command

        propose_command(run, path, by)


@audit.command("critiques")
def audit_critiques(
    run: Run, share: Annotated[float | None, typer.Option(help="Sample this share of the critiques first.")] = None
) -> None:
    """Sample critiques for audit, and tell how often the critics were right for the right reason."""
    with one_line():
        from experiments.audit.commands import critiques_command

        critiques_command(run, share)


audit.add_typer(token, name="token")
for _command in (serve, sample, estimate, threshold, staff):
    audit.command()(_command)
