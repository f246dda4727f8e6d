"""The opaque cursor of GET /predictions: where a page ended, and under which view the walk began."""

import base64
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NaiveDatetime

from americano_assets.api.schemas import RowId

_LONGEST = 1024


class Cursor(BaseModel):
    """A place in a learner's predictions.

    The instant that parts upcoming from past and the default threshold are those of the first page, so that a walk
    which crosses a study day's end, or a publication, still sees each row once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    anchor: NaiveDatetime
    after_date: NaiveDatetime
    after_id: RowId
    threshold: Annotated[float, Field(ge=0, le=1)] | None

    def encode(self) -> str:
        """The cursor as a word that is safe in a query string."""
        return base64.urlsafe_b64encode(self.model_dump_json().encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, word: str) -> "Cursor":
        """The cursor that `encode` made `word` from.

        Raises:
            ValueError: `word` is no cursor of ours.
        """
        try:
            if len(word) > _LONGEST:
                raise ValueError("too long")
            raw = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
            return cls.model_validate_json(raw)
        except ValueError:
            raise ValueError("is not a cursor that this API gave; leave it out to start at the first page") from None


def place(anchor: datetime, after_date: datetime, after_id: str, threshold: float | None) -> str:
    """The word for the place after one row; both times in UTC without a zone."""
    return Cursor(anchor=anchor, after_date=after_date, after_id=after_id, threshold=threshold).encode()
