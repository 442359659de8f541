"""docs/drivers.md: its driver is complete, and passes the kit; its other examples run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from abaca.drivers.contract import ShareDriver
from abaca.drivers.contract.errors import ERRORS
from abaca.drivers.contract.inventory import Held
from abaca.drivers.fake import FakeBackend

TEXT = (Path(__file__).parents[2] / "docs" / "drivers.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.S)


def test_the_driver_of_the_docs_is_certified(tmp_path):
    module = tmp_path / "test_documented.py"
    module.write_text("\n".join(BLOCKS[:2]))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", str(module)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "driver does not declare capability snapshot_support" in done.stdout


def test_the_fake_backend_of_the_docs(tmp_path):
    names = {"path": tmp_path, "share_id": "x"}
    exec(BLOCKS[2], names)
    assert isinstance(names["backend"], FakeBackend)


def test_names_in_the_docs_exist():
    for name in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", TEXT.split("## The contract in brief")[1]):
        known = hasattr(ShareDriver, name) or name in TEXT.split("## The contract in brief")[0]
        known = known or name in Held.__annotations__
        assert known or name.endswith(("_support", "_type", "_rules", "_path", "_servers")), name
    for name in re.findall(r"`([A-Z]\w+(?:Exception|NotFound|Loss|Share|Snapshot))`", TEXT):
        assert name in ERRORS, name
