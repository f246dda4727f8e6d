"""Pages from templates: every text in one is text."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from americano_assets.core.base.escaping import plain_lines


def page_environment(folder: Path) -> Environment:
    """The templates of a folder."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        finalize=_as_text,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _as_text(value: Any) -> Any:
    """What a page shows of a value: nothing in it turns the direction of the words around it."""
    return plain_lines(value) if type(value) is str else value
