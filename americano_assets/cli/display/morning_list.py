"""The morning list on a terminal, and as CSV."""

from typing import TYPE_CHECKING

from americano_assets.cli.display.terminal import Table, echo, say

if TYPE_CHECKING:
    from americano_assets.api.morning_list.shown import Done, Line, MorningList, Section


def show_list(found: "MorningList") -> None:
    """A table a course."""
    if found.night is None:
        say("No night has published anything yet: `americano nightly` runs one.")
        return
    late = f"; {found.missing} since then {'are' if found.missing > 1 else 'is'} missing" if found.missing else ""
    say(f"As of {found.now:%A, %d %B %Y, %H:%M %Z}, by the night of study day {found.night}{late}.")
    for section in found.sections:
        _show_section(section)
    if not any(section.listed for section in found.sections):
        say("Nobody stands on the list.")


def written(found: "MorningList") -> str:
    """The list as CSV, a row a learner in a course; a column of names only where the deployment maps them."""
    import pandas as pd

    from americano_assets.core.base.escaping import csv

    rows = [
        {
            "course": section.name,
            "place": place,
            "learner": line.learner_id,
            "name": line.name or "",
            "risk": line.risk,
            "p": round(line.probability, 4),
            "due": line.due.date().isoformat(),
            "since": line.since.date().isoformat(),
            "objectives": "; ".join(one.objective for one in line.warned),
            "why": "; ".join(dict.fromkeys(reason for one in line.warned for reason in one.reasons)),
            "what_to_do": " ".join(dict.fromkeys(one.advice for one in line.warned if one.advice)),
            "standing": str(line.standing),
            "done": _last(line),
        }
        for section in found.sections
        for place, line in enumerate(section.listed, 1)
    ]
    return csv(pd.DataFrame(rows, columns=_COLUMNS))


_COLUMNS = (
    *("course", "place", "learner", "name", "risk", "p", "due", "since"),
    *("objectives", "why", "what_to_do", "standing", "done"),
)


def _show_section(section: "Section") -> None:
    shown = len(section.listed)
    of = (
        f"{shown} of {section.waiting:,} learners" if shown < section.waiting else f"{shown} learner{'s'[: shown != 1]}"
    )
    aside = f"; {section.set_aside:,} in hand or set aside" if section.set_aside else ""
    table = Table(
        "learner", "why, and what to do", "due", "since", "done", title=f"{section.name}: {of}{aside}", is_airy=True
    )
    for line in section.listed:
        why = []
        for one in line.warned:
            why.append(f"{one.objective} (p {one.probability:.2f})")
            why += [f"  {'; '.join(one.reasons)}"] if one.reasons else []
            why += [f"  {one.advice}"] if one.advice else []
        table.add(
            (line.called, f"{line.risk.lower()} risk"),
            tuple(why),
            f"{line.due:%d %b}",
            f"{line.since:%d %b}",
            _last(line),
        )
    if shown:
        table.show()
    else:
        echo(f"{section.name}: nobody waits for help{aside}.")


def _last(line: "Line") -> str:
    """The newest thing that was done, without the words of a note: they are for who may open the page."""
    return _told(line.done[0]) if line.done else ""


def _told(one: "Done") -> str:
    by = f" by {one.by}" if one.by else ""
    until = f" until {one.until:%d %b}" if one.until else ""
    return f"{one.action}{until}, {one.at:%d %b}{by}"
