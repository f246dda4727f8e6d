"""What files of the Parquet store are called.

<table>/day=YYYY-MM-DD/<content>.parquet   a day's rows; never changed once there; of buckets one each
<table>/day=YYYY-MM-DD/current.json        which content is current, its rows, when it was first written
<table>/<content>.parquet                  a table that is stored whole (state, memoised results)
<table>/by_inputs/<key>.json               which content came out of which inputs
manifests/day=YYYY-MM-DD/<part>.json       what a study day was computed from
successors.json                            contents that stand in another's place since a learner was forgotten
"""

from collections.abc import Iterable
from datetime import date

MANIFESTS = "manifests"
MEMOS = "by_inputs"
POINTER = "current.json"
SUCCESSORS = "successors.json"
# In a bucket: since when copies of its contents count. Written anew when some were replaced, or are about to go.
EPOCH = "copies.json"
# Where a store was that was moved, from when all of it is at its new place until the last of it has gone from there.
MOVED = "moved.json"
# The two parts of a store: tables, and model files.
DATA, MODELS = "data", "models"
_AND = "+"


def parts_of(content: str) -> list[str]:
    """The contents of a day, one for each bucket of its rows: of several the day's content is all of their names."""
    return content.split(_AND)


def joined(contents: Iterable[str]) -> str:
    """The content of a day by those of its buckets, in their order."""
    return _AND.join(contents)


def content_name(folder: str, content: str) -> str:
    """The name of a content of a folder."""
    return f"{folder}/{content}.parquet"


def day_folder(table: str, day: date) -> str:
    """The folder of a table's day."""
    return f"{table}/day={day.isoformat()}"


def pointer_name(table: str, day: date) -> str:
    """The name of what says which content of a day is current."""
    return f"{day_folder(table, day)}/{POINTER}"


def memo_name(table: str, key: str) -> str:
    """The name of what says which content came out of the inputs that a key stands for."""
    return f"{table}/{MEMOS}/{key}.json"


def manifest_name(day: date, part: str) -> str:
    """The name of what a part of a study day was computed from."""
    return f"{day_folder(MANIFESTS, day)}/{part}.json"
