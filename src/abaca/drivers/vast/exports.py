"""The three objects that make a directory a share: policy, quota, view.

They are made in this order, so a view never exists without the policy that keeps everybody out,
and each of them is looked for first.
"""

from __future__ import annotations

from abaca.drivers.contract import errors
from abaca.drivers.vast.array import POLICIES, QUOTAS, VIEWS, Policy, Quota, View, plain
from abaca.drivers.vast.base import VastBase
from abaca.drivers.vast.policy import Payload, in_force, policy_payload

NOBODY: Payload = policy_payload([], root_squash=False)


class Exports(VastBase):
    """Each method may be repeated."""

    def _provide(
        self, share_id: str, directory: str, limit: int, *, new: bool, resize: bool = False
    ) -> None:
        """All three as they shall be; `limit` in bytes.  `new`: the directory is made, too, and
        nobody is let in.  `resize`: a quota of another size gets this one."""
        policy = self._policy(share_id)
        if new:
            self._set_policy(policy, NOBODY)
        self._quota(share_id, directory, limit, new=new, resize=resize)
        self._view(share_id, directory, policy, new=new)

    # Policy

    def _policy(self, share_id: str) -> Policy:
        """The share's policy; a new one lets nobody in, whatever the array's default is."""
        found = self.array.find(POLICIES, share_id)
        if found is None:
            self.array.make(POLICIES, share_id, flavor="NFS", **NOBODY)
            found = self._policy_there(share_id)
            self._set_policy(found, NOBODY)
        return found

    def _set_policy(self, policy: Policy, wanted: Payload) -> None:
        """Have these lists in force, and look whether they are."""
        if in_force(_lists(policy)) == in_force(wanted):
            return
        self.array.change(POLICIES, policy, **wanted)
        now = _lists(self._policy_there(str(policy.name)))
        if in_force(now) != in_force(wanted):
            raise errors.VastDriverException(
                reason=f"view policy {policy.name} does not hold what was written to it, but {now}"
            )

    def _policy_there(self, name: str) -> Policy:
        """As the array has it, not as it was sent."""
        found = self.array.find(POLICIES, name)
        if found is None:
            raise errors.VastDriverException(reason=f"view policy {name} is gone")
        return found

    # Quota

    def _quota(
        self, share_id: str, directory: str, limit: int, *, new: bool, resize: bool
    ) -> Quota:
        found = self.array.find(QUOTAS, share_id)
        if found is None:
            found = self.array.make(
                QUOTAS, share_id, path=directory, create_dir=new, hard_limit=limit
            )
        _check_place(found, directory, "quota")
        if found.hard_limit != limit:
            if not resize:
                raise errors.VastDriverException(
                    reason=f"quota {share_id} exists with a limit of {found.hard_limit} bytes"
                )
            self.array.change(QUOTAS, found, hard_limit=limit)
        return found

    # View

    def _view(self, share_id: str, directory: str, policy: Policy, *, new: bool) -> View:
        found = self.array.find(VIEWS, share_id)
        if found is None:
            found = self.array.make(
                VIEWS,
                share_id,
                path=directory,
                policy_id=policy.id,
                create_dir=new,
                protocols=["NFS"],
            )
        _check_place(found, directory, "view")
        if not is_behind(found, policy):
            self.array.change(VIEWS, found, policy_id=policy.id)
        return found


def is_behind(view: View, policy: Policy) -> bool:
    """Whether the policy decides who reaches the view."""
    return view.policy_id == policy.id if view.policy_id else view.policy == policy.name


def _check_place(found: Quota | View, directory: str, noun: str) -> None:
    if plain(found.path) != directory:
        raise errors.VastDriverException(
            reason=f"{noun} {found.name} belongs to {found.path}, not to {directory}"
        )


def _lists(policy: Policy) -> Payload:
    return {name: list(getattr(policy, name) or []) for name in NOBODY}
