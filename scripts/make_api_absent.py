"""Regenerate src/abaca/api/absent.json from the fact table routes.yaml.

python scripts/make_api_absent.py [../shared/api/routes.yaml]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent.parent
TARGET = HERE / "src/abaca/api/absent.json"


def bare(path: str) -> str:
    return path.removeprefix("/v2")


def rows(table: dict[str, Any]) -> dict[str, list[list[Any]]]:
    routes = [
        [r["method"], bare(r["path"]), r["action"], r["min"], r["max"], r["project_id_pattern"]]
        for r in table["routes"]
        if r["path"].startswith("/v2/") and r["path"] != "/v2/"
    ]
    dead = [
        [d["method"], bare(d["path"]), d["answer"]] for d in table["routed_without_handler"]["list"]
    ]
    return {"routes": routes, "dead": dead}


def main() -> None:
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "shared/api/routes.yaml"
    found = rows(yaml.safe_load(source.read_text()))
    lines = [
        f'"{name}": [\n' + ",\n".join(json.dumps(row) for row in part) + "\n]"
        for name, part in found.items()
    ]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{TARGET}: {len(found['routes'])} routes, {len(found['dead'])} dead paths")


if __name__ == "__main__":
    main()
