"""Where the package's queries lie: each by the name of the package that runs it and its own, `s2_features/spine`."""

from pathlib import Path

from americano_assets.installation import PROJECT_ROOT

PACKAGE = PROJECT_ROOT / "americano_assets"


def query_files() -> dict[str, Path]:
    """Every query's file but migrations, which are applied once, and those of loading, which make tables of the app."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.sql")):
        folders = path.relative_to(PACKAGE).parts
        if "sql" in folders and folders[0] != "loading":
            found[f"{folders[folders.index('sql') - 1]}/{path.stem}"] = path
    return found
