"""What abaca would export through a Ganesha that the operator runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import catalog
from .findings import Finding, Verdict
from .options import Mark
from .oslo import described
from .plan import Backend, Plan
from .scan import normal

_DIRECTORY, _VERSION_3 = "ganesha_export_template_dir", "glusterfs_ganesha_nfsv3"
_OUT_OF_A_SHARE = (
    "a client of one share can reach the other shares of its volume, unless this Ganesha checks "
    "the names that NFSv3 clients send; no release is known to"
)


def export_findings(conf: Any, plan: Plan) -> Iterable[Finding]:
    """Templates that cannot be used, and a note where NFSv3 is allowed."""
    for backend in plan.backends:
        if {_DIRECTORY, _VERSION_3} <= {described(row).name for row in backend.rows}:
            view = conf[backend.group] if backend.group else conf
            if view.glusterfs_nfs_server_type == "Ganesha":
                yield from _of_backend(view, backend)


def _of_backend(view: Any, backend: Backend) -> Iterable[Finding]:
    from abaca.drivers.contract.errors import BadConfigurationException
    from abaca.drivers.ganesha.templates import load
    from abaca.drivers.glusterfs.ganesha_helper import PLUGIN

    section = normal(backend.group or catalog.DEFAULT)
    try:
        directory = view.ganesha_export_template_dir
        load(Path(directory) if directory else None, PLUGIN, view.glusterfs_ganesha_nfsv3)
    except BadConfigurationException as problem:
        names = (backend.name,)
        yield Finding(Verdict.WRONG, section, _DIRECTORY, problem.msg, Mark.USED, backends=names)
    if view.glusterfs_ganesha_nfsv3:
        yield Finding(Verdict.OK, section, _VERSION_3, _OUT_OF_A_SHARE, Mark.USED)
