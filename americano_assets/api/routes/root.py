"""GET /: what answers here, and where to look next."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import Field

from americano_assets.api import examples
from americano_assets.api.middleware.problems import documented
from americano_assets.api.schemas import Answer
from americano_assets.installation import __version__

router = APIRouter(tags=["health"])


class Root(Answer):
    """This service; paths are on this address."""

    name: Literal["americano"] = "americano"
    version: str = Field(default=__version__, description="Of the project.")
    health: Literal["/health"] = "/health"
    ready: Literal["/health/ready"] = "/health/ready"
    docs: str | None = Field(description="The documentation of every call; null in production, where there is none.")


@router.get("/", summary="What this is", responses=documented(examples.ROOT))
async def root(http: Request) -> Root:
    """Name, version and where to look next. Asks nobody who they are, and touches nothing but the process."""
    return Root(docs=http.app.state.docs_url)
