"""Contents of folders of the Parquet store: added once, found again by every name that they were given.

A day's rows may lie in several contents, one for each bucket. What is said of a content holds of each of them.
"""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa

from americano_assets.resources.parquet_store.content_files import hash_file, rows_in
from americano_assets.resources.parquet_store.files import Files
from americano_assets.resources.parquet_store.names import content_name, parts_of
from americano_assets.resources.parquet_store.redactions import Redaction, Redactions
from americano_assets.resources.parquet_store.row_writer import SMALL, Codec, normal_schema, same_rows, write_files


class Contents:
    """What lies in files, and what stands in the place of what."""

    def __init__(self, files: Files, successors: Redactions) -> None:
        self._files = files
        self._successors = successors

    def names(self, folder: str, content: str) -> list[str]:
        """Under which names a content is kept now, one for each bucket."""
        return [self.name(folder, part) for part in parts_of(content)]

    def name(self, folder: str, content: str) -> str:
        """The same of one that is in no buckets."""
        left = self._left(folder, content)
        return content_name(folder, content if left is None else left.content)

    def rows_left(self, folder: str, content: str) -> int | None:
        """How many rows a content has since somebody was removed from it; None where nobody was."""
        left = {part: self._left(folder, part) for part in parts_of(content)}
        if not any(left.values()):
            return None
        of_others = self._files.paths(content_name(folder, part) for part, one in left.items() if one is None)
        return sum(one.rows for one in left.values() if one is not None) + sum(map(rows_in, of_others))

    def write(
        self,
        folder: str,
        pieces: Iterable[Sequence[pa.RecordBatch]],
        schema: pa.Schema,
        codec: Codec = SMALL,
        known: Sequence[str | None] = (None,),
    ) -> list[Redaction]:
        """Write rows unless they are there; of each bucket its content, and how many they are.

        Args:
            folder: Where they belong.
            pieces: The rows of each bucket, a few at a time.
            schema: Theirs.
            codec: How they are compressed.
            known: What each bucket holds now: its content is told where that holds the same under another schema.
        """
        with ExitStack() as stack:
            temporary = [stack.enter_context(self._files.written_beside(folder)) for _ in known]
            rows = write_files(temporary, pieces, schema, normal_schema(schema), codec)
            contents = [self._added(folder, *one) for one in zip(temporary, known, strict=True)]
        return [Redaction(*one) for one in zip(contents, rows, strict=True)]

    def _left(self, folder: str, content: str) -> Redaction | None:
        """What stands in a content's place in a folder."""
        left = self._successors.of(content)
        return left if left is not None and self._files.held([content_name(folder, left.content)]) else None

    def _added(self, folder: str, written: Path, known: str | None) -> str:
        content = hash_file(written)
        if known is not None and known != content_name(folder, content):
            before = self._files.path(known)
            if same_rows(before, written, content):
                return before.stem
        # What somebody was removed from is not written a second time: its name means what is left.
        if self.name(folder, content) == (name := content_name(folder, content)):
            self._files.add(written, name)
        return content
