"""`.env.example`, written from the settings: `python -m tools.env_example > .env.example`."""

import types
from enum import Enum
from pathlib import Path
from textwrap import wrap
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from americano_assets.settings import Settings

_HEADER = """\
# Every setting, with its default. Copy to .env and take away the # before a name to set it; the process environment
# goes before this file.
"""
_FOOTER = """
# docker-compose.yml reads three more from .env: POSTGRES_PASSWORD, of the PostgreSQL that it starts, and, where base
# images come from elsewhere, PYTHON_IMAGE and POSTGRES_IMAGE (docs/production.md).
"""


def env_example() -> str:
    """The text: each setting commented out at its default, below what it is and what is allowed."""
    blocks = []
    for name, field in Settings.model_fields.items():
        allowed = _allowed(field.annotation)
        sentence = (field.description or "") + (f" One of: {', '.join(allowed)}." if allowed else "")
        lines = wrap(sentence, 116, initial_indent="# ", subsequent_indent="# ")
        blocks.append("\n".join([*lines, f"#{name.upper()}={_default(field)}"]))
    return "\n".join([_HEADER, "\n\n".join(blocks), _FOOTER.rstrip(), ""])


def _allowed(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(value) for value in get_args(annotation)]
    if get_origin(annotation) in (Union, types.UnionType):
        return [value for part in get_args(annotation) for value in _allowed(part)]
    return []


def _default(field: FieldInfo) -> str:
    if field.annotation is Path:
        return ""  # The home's depends on where the project is.
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value.value if isinstance(value, Enum) else value)


if __name__ == "__main__":
    print(env_example(), end="")
