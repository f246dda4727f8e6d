"""How many statements the package has, by folder: `python -m tools.statements [FOLDER]`.

Docstrings do not count; tests, benchmarks and SQL are not looked at.
"""

import ast
import sys
from collections import Counter
from pathlib import Path

from americano_assets.installation import PROJECT_ROOT


def statements(source: str) -> int:
    """Statements of a module, at every depth, but for docstrings."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt)]
    return sum(not _is_docstring(node) for node in nodes)


def by_folder(package: Path) -> Counter[str]:
    """Statements by the part of the package, a stage being one."""
    found: Counter[str] = Counter()
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).parts[:-1]
        found["/".join(parts[: 2 if parts[:1] == ("stages",) else 1]) or "."] += statements(path.read_text())
    return found


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


if __name__ == "__main__":
    counted = by_folder(Path(sys.argv[1]) if len(sys.argv) > 1 else PROJECT_ROOT / "americano_assets")
    for folder, count in sorted(counted.items()):
        print(f"{count:6,} {folder}")
    print(f"{counted.total():6,} in all")
