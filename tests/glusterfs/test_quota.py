"""What a quota daemon does not tell while it comes up (answers of GlusterFS 10.3)."""

from __future__ import annotations

from typing import Any

import pytest

from abaca.drivers.contract import errors
from abaca.drivers.glusterfs.manager import GlusterManager
from abaca.drivers.glusterfs.quota import AT_ONCE, Quota
from abaca.drivers.glusterfs.replies import Limit

GIB = 1 << 30
_REPLY = (
    "<cliOutput><opRet>0</opRet><opErrno>0</opErrno><opErrstr/><volQuota>{}</volQuota></cliOutput>"
)
_ROW = "<limit><path>{}</path><hard_limit>{}</hard_limit><used_space>{}</used_space></limit>"
LIMITED, FREE, GONE = Limit("/limited", GIB, 7), Limit("/free", None, 5), "/gone"


class Cluster:
    """Its list of all tells nothing; asked for a directory by path it says the truth."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, *words: Any, **_: Any) -> tuple[str, str]:
        paths = list(words[words.index("list") + 1 :])
        self.asked.append(paths)
        rows = [_ROW.format(x.path, x.hard or "N/A", x.used) for x in (LIMITED, FREE)]
        told = [row for row, x in zip(rows, (LIMITED, FREE), strict=True) if x.path in paths]
        return _REPLY.format("".join(told)), ""


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def quota(cluster: Cluster) -> Quota:
    return Quota(GlusterManager("host:/vol", execf=cluster))


def test_a_limit_left_out_of_the_list_is_asked_for_by_its_path(quota: Quota) -> None:
    assert quota.all([LIMITED.path, FREE.path, GONE]) == {"/limited": LIMITED, "/free": FREE}


def test_one_without_a_limit_is_told_from_one_without_an_answer(quota: Quota) -> None:
    assert quota.of(FREE.path) == FREE
    with pytest.raises(errors.StorageCommunicationException, match="/gone in vol"):
        quota.of(GONE)  # not taken for empty: a shrink would cut its data


def test_many_paths_are_asked_for_in_commands_of_bounded_length(
    quota: Quota, cluster: Cluster
) -> None:
    quota.of_each(f"/{number}" for number in range(2 * AT_ONCE + 1))
    assert [len(paths) for paths in cluster.asked] == [AT_ONCE, AT_ONCE, 1]
