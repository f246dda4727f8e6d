"""Text from elsewhere, made to be shown: it says what it says, and commands nothing.

Names of objectives, words of learners, ids and messages of a database hold whatever somebody typed. Each output has
its own way of being commanded; each is stilled here, and nowhere else.
"""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# Controls of a terminal, ends of lines in all their forms, halves of characters, and what turns the writing direction.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_HIDDEN_BUT_LINES = re.compile(f"(?!\n){_HIDDEN.pattern}")
# An underscore within a word is one in Markdown too.
_MARKDOWN = re.compile(r"[\\`*\[\]<>|~&@]|(?<!\w)_|_(?!\w)|:(?=//)|(?<=\bwww)\.")
# What a spreadsheet takes for the beginning of a formula, in both widths.
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
# What cannot be seen parts a sign from the name that it would call, and an address from being one.
_APART = "\u200b"
_CHAT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": f"@{_APART}"})


def plain(text: str) -> str:
    """Text on one line, with everything that cannot be seen written out as Python would: an escape, a line's end."""
    return _HIDDEN.sub(_written_out, text)


def plain_lines(text: str) -> str:
    """As `plain`, where ends of lines are meant."""
    return _HIDDEN_BUT_LINES.sub(_written_out, text)


def markdown(text: str) -> str:
    """Text within a line or a cell of a Markdown page: no markup, no link, no picture, no further cell."""
    return _MARKDOWN.sub(lambda found: f"\\{found[0]}", plain(text))


def csv_cell(value: Any) -> Any:
    """A cell that a spreadsheet shows instead of computing it; numbers, and text that is one, stay."""
    if not isinstance(value, str):
        return value
    text = plain(value)
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text


def csv(table: "pd.DataFrame") -> str:
    """A table as CSV, each cell by `csv_cell`."""
    return table.map(csv_cell).rename(columns=csv_cell).to_csv(index=False)


def chat(text: str) -> str:
    """Text of a message to a chat service (Slack, Mattermost and their likes): no link, and nobody called by name."""
    return plain(text).translate(_CHAT).replace("://", f":{_APART}//")


def label(text: str) -> str:
    """Text on a picture of matplotlib's, to which what is between dollars is a formula, and a wrong one an error."""
    return plain(text).replace("$", r"\$")


def _written_out(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
