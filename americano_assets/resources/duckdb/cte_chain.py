"""Queries that build on each other, as one statement instead of a table each."""

from collections.abc import Mapping


class OneStatement:
    """Takes steps as Engine.make does, and gives them back in front of the query that reads them."""

    def __init__(self) -> None:
        self._steps: list[str] = []

    def make(self, name: str, text: str, parameters: Mapping[str, object], kind: str = "TABLE") -> None:
        """Remember a step.

        Args:
            name: What later steps read it by.
            text: Its query.
            parameters: Not looked at: the whole statement is given its own.
            kind: A TABLE is made once however often it is read; a VIEW where it is read.
        """
        del parameters
        # Texts end in a line of their own, since the last one may be a comment.
        self._steps.append(f"{name} AS {'MATERIALIZED ' if kind == 'TABLE' else ''}(\n{text}\n)")

    def before(self, text: str) -> str:
        """The steps and a query that reads them."""
        return f"WITH {', '.join(self._steps)}\nFROM (\n{text}\n)"
