"""`abaca openapi`: the API described for machines."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument(
    "directory", type=click.Path(file_okay=False, path_type=Path), default=Path("openapi")
)
@click.option(
    "--version",
    "versions",
    multiple=True,
    metavar="2.N",
    help="A microversion; repeatable. Default: every one.",
)
def openapi(directory: Path, versions: tuple[str, ...]) -> None:
    """Write the OpenAPI 3.1 documents to DIRECTORY.

    One for each microversion; without DIRECTORY into ./openapi. A running abaca serves the same
    at /v2/openapi?version=2.65.
    """
    from abaca.api.openapi import asked, export
    from abaca.api.registry import load
    from abaca.api.versions import MAX

    wanted = [asked(text) for text in versions] or list(range(MAX + 1))
    written = export(load(), directory, wanted)
    click.echo(f"{len(written)} documents in {directory}")
