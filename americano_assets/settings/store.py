"""Where the Parquet store and the models lie: in the home, in another folder, or in a bucket."""

import hashlib
import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field
from pydantic.functional_validators import AfterValidator, field_validator, model_validator

from americano_assets.settings.fields import Fields

_URL = re.compile(r"(?:s3|gs|az)://[A-Za-z0-9][A-Za-z0-9._-]*(?:/[^\s?#@:]*)?")
_GB = 10**9


def place_of(value: str) -> str:
    """What `AMERICANO_STORE` names, in one spelling.

    Raises:
        ValueError: It is neither a folder nor a bucket.
    """
    if "://" not in value:
        return str(Path(value).expanduser().absolute())
    if not _URL.fullmatch(value) or not {".", ".."}.isdisjoint(value.split("/")):
        raise ValueError(
            "must be a folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix; credentials stand in"
            " that cloud's own environment variables, never here"
        )
    scheme, address = value.split("://")
    return f"{scheme}://{re.sub('/+', '/', address).rstrip('/')}"


class StoreFields(Fields):
    """What one deployment may set of its store."""

    americano_store: str | None = Field(
        None,
        description="Where study days, results and models are kept: a folder, or s3://bucket/prefix, gs://bucket/prefix"
        " or az://container/prefix, by the credentials in that cloud's own environment variables. Unset: the home.",
    )
    americano_cache: Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())] | None = Field(
        None, description="Folder for copies of what is in a bucket. Unset: in the home."
    )
    americano_cache_gb: float = Field(
        20.0,
        gt=0,
        le=100_000,
        description="Size of that folder; what was used within the last hour stays all the same.",
    )

    americano_buckets: int = Field(
        1,
        ge=1,
        le=256,
        description="Into how many files, by learner, each newly read study day of the log goes. Days that are there"
        " keep theirs until `americano rebucket`.",
    )

    @field_validator("americano_store")
    @classmethod
    def _folder_or_bucket(cls, value: str | None) -> str | None:
        return None if value is None else place_of(value)

    @model_validator(mode="after")
    def _not_twice(self) -> Self:
        self.require_outside_home()
        return self

    def require_outside_home(self) -> None:
        """Refuse a folder within the home.

        Raises:
            ValueError: It lies there.
        """
        if self.americano_store and not self.store_bucket and self.store_folder.is_relative_to(self.americano_home):
            raise ValueError("AMERICANO_STORE: must not lie in AMERICANO_HOME, where the store is while it is unset")

    @property
    def store_bucket(self) -> str | None:
        """The URL of the bucket, where the store is in one."""
        return self.americano_store if self.americano_store and "://" in self.americano_store else None

    @property
    def store_folder(self) -> Path:
        """The folder of both parts of the store, where it is in no bucket."""
        return Path(self.americano_store) if self.americano_store and not self.store_bucket else self.americano_home

    @property
    def store_root(self) -> Path:
        """Folder of the Parquet store, where it is in no bucket."""
        return self.store_folder / "data"

    @property
    def models_root(self) -> Path:
        """Folder of the model files, where they are in no bucket; what else of MLflow's is kept on this machine."""
        return self.store_folder / "models"

    @property
    def cache_folder(self) -> Path:
        """Folder for copies of what is in the bucket: each bucket and prefix has its own."""
        name = hashlib.sha256((self.store_bucket or "").encode()).hexdigest()[:16]
        return (self.americano_cache or self.americano_home / "store-cache") / name

    @property
    def cache_bytes(self) -> int:
        """The bound of that folder."""
        return int(self.americano_cache_gb * _GB)
