"""What the documentation tells to type beside a running abaca, typed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.blocks import ROOT, blocks, of_kind
from storage.kit import free_ports, why_not
from support.processes import ABACA, Site, environment, free_port, local_site, site

pytestmark = pytest.mark.xdist_group("typed")
PAGES = sorted({block.page for block in of_kind("sh")})


@pytest.fixture(scope="module")
def running() -> Iterator[Site]:
    """abaca with real storage where that is possible, else with the fake backend."""
    real = why_not("NFS", "CIFS") is None
    made = local_site(free_ports(16), auth="embedded") if real else site(auth="embedded")
    with made as embedded:
        process = embedded.serve("--first-share", "hello")
        assert "cannot be" not in embedded.said(process)
        if real:
            assert "NFS        wrote and read back" in embedded.said(process)
        yield embedded


def adapted(text: str, running: Site, second_port: int) -> str:
    """The block as it would read on a machine where abaca is where the test has it."""
    for written, here in (
        ("/var/lib/abaca", str(running.state)),
        ("http://127.0.0.1:8786", running.url),
        ("/root/", f"{running.folder}/"),
        ("-o abaca-2.65.json", f"-o {running.folder}/abaca-2.65.json"),
        ("8790", str(second_port)),
    ):
        text = text.replace(written, here)
    return text


@pytest.mark.parametrize("page", PAGES)
def test_page(page: str, running: Site, tmp_path: Path) -> None:
    """All blocks of a page, in one shell, as a reader would."""
    second_port = free_port()  # of another abaca that the page starts
    script = "".join(
        f"echo '### line {block.line}' >&2\n{adapted(block.text, running, second_port)}"
        for block in blocks(page)
        if block.kind == "sh"
    )
    result = subprocess.run(
        ["bash", "-euo", "pipefail"],
        input=script,
        cwd=ROOT,
        env=environment(
            PATH=f"{ABACA.parent}:{os.environ['PATH']}",
            ABACA_CONFIG_FILE=str(running.file),
            OS_CLIENT_CONFIG_FILE=str(running.clouds),
            OS_CLOUD="abaca",
            TMPDIR=str(tmp_path),  # of mktemp
        ),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, f"{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
    assert '"code":' not in result.stdout  # curl does not fail by itself


def test_python(running: Site) -> None:
    for block in blocks("README.md"):
        if block.kind == "python":
            result = subprocess.run(
                [str(ABACA.parent / "python"), "-c", block.text],
                env=environment(OS_CLIENT_CONFIG_FILE=str(running.clouds), OS_CLOUD="abaca"),
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert result.returncode == 0, result.stderr
            assert "hello 1 available" in result.stdout
