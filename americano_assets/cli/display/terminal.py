"""What the commands write to the terminal: sentences and tables, as text and nothing else.

The one module that prints: no text becomes markup, and what a terminal would obey is written out
(core/base/escaping.py).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from americano_assets.core.base.escaping import plain, plain_lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Column

# What is piped on is not folded into eighty columns.
_PIPED_WIDTH = 200
Cell = str | tuple[str, ...]


def echo(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Write text as it is, one line of it a line, however long."""
    typer.echo(plain_lines(text), err=err, nl=nl)


def say(text: str, *, style: str = "", bold: str = "") -> None:
    """Write sentences, folded at the terminal's width, in a style of rich's, the first words bold if there are any."""
    from rich.text import Text

    _console().print(Text.assemble((plain_lines(bold), "bold"), plain_lines(text), style=style))


def fail(message: str) -> None:
    """Write why a command ends, as one red line on standard error, never folded."""
    from rich.text import Text

    _console(err=True).print(Text(f"americano: {plain(message)}", style="red"), soft_wrap=True)


class Table:
    """A table whose cells are text; a cell of several lines is a tuple of them."""

    def __init__(
        self,
        *columns: "Column | str",
        title: str | None = None,
        is_framed: bool = False,
        is_wide: bool = False,
        is_airy: bool = False,
    ) -> None:
        """Without rows.

        Args:
            columns: Titles, or columns with their way of folding; without any the table has no head.
            title: What stands above it.
            is_framed: With lines around and between: such a table of more than a few columns is wider than 80.
            is_wide: Where the output is no terminal it is not folded at its width.
            is_airy: With an empty line between rows, for cells of several lines.
        """
        from rich.box import HEAVY_HEAD, SIMPLE_HEAD
        from rich.table import Column
        from rich.table import Table as RichTable
        from rich.text import Text

        self._is_wide = is_wide
        listed = [Column(one) if isinstance(one, str) else one for one in columns]
        for one in listed:
            one.header = Text(plain(str(one.header)))
        self._table: RichTable = RichTable(
            *listed,
            title=None if title is None else Text(plain_lines(title)),
            title_justify="left",
            show_header=bool(columns),
            box=HEAVY_HEAD if is_framed else SIMPLE_HEAD if columns else None,
            collapse_padding=not is_framed,
            show_edge=is_framed,
            pad_edge=is_framed,
            leading=int(is_airy),
        )

    @property
    def rows(self) -> int:
        """How many."""
        return self._table.row_count

    def add(self, *cells: Cell, style: str | None = None) -> None:
        """Add a row."""
        from rich.text import Text

        lines = ((cell,) if isinstance(cell, str) else cell for cell in cells)
        self._table.add_row(*(Text("\n".join(map(plain, one))) for one in lines), style=style)

    def show(self, note: str | None = None) -> None:
        """Write it, with a note below."""
        from rich.text import Text

        if note is not None:
            self._table.caption, self._table.caption_justify = Text(plain(note)), "left"
        console = _console()
        (_console(width=_PIPED_WIDTH) if self._is_wide and not console.is_terminal else console).print(self._table)


@contextmanager
def progress_bars() -> Iterator["Progress"]:
    """Progress on stderr, so that standard output holds results alone; where that is no terminal a line a step."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from americano_assets.cli.display.quiet import quiet_libraries

    console = _console(err=True)
    with (
        quiet_libraries(),
        Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[step]}[/]"),
            console=console,
            disable=not console.is_terminal,
        ) as progress,
    ):
        _tell_steps(progress)
        yield progress


def _tell_steps(progress: "Progress") -> None:
    """Have every task hold a step, and write each as it begins, and each portion of it, where nobody sees bars."""
    added, updated = progress.add_task, progress.update

    def add_task(description: str, total: float | None = None) -> object:
        if progress.disable:
            echo(f"{description} …", err=True)
        return added(description, total=total, step="")

    def update(task: Any, **changes: Any) -> None:
        # A portion is named before anything of it is done; what a night is at is told with what it has done.
        if progress.disable and changes.get("step") and "advance" not in changes:
            echo(f"  {changes['step']}", err=True)
        updated(task, **changes)

    progress.add_task = add_task  # type: ignore[method-assign,assignment]
    progress.update = update  # type: ignore[method-assign,assignment]


def _console(*, err: bool = False, width: int | None = None) -> "Console":
    from rich.console import Console

    return Console(file=sys.stderr if err else sys.stdout, width=width, highlight=False)
