"""What all parts of the driver stand on: configuration, session, life cycle, names of objects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from abaca.drivers.contract import errors
from abaca.drivers.contract.context import AnyContext
from abaca.drivers.contract.driver import ShareDriver
from abaca.drivers.vast import names
from abaca.drivers.vast.array import POOLS, Array, Pool
from abaca.drivers.vast.options import VAST_OPTS
from abaca.drivers.vast.session import Session, Settings
from abaca.drivers.vast.tokens import ApiToken, Auth, Login

GIB: Final = 1 << 30
DIRECTORY: Final = "directory"  # key of the private storage, of shares
OLDEST: Final = (4, 7, 0)  # has the API for folders
_VERSION = re.compile(r"(\d+)[.-](\d+)(?:[.-](\d+))?")
_PROBE: Final = "abaca-no-such-directory"


class VastBase(ShareDriver):
    """Construction and life cycle.

    A share is a directory, a quota, a view and a view policy; the last three have the name of the
    share instance's id.  Where the directory is stands in the private storage from before it is
    made until after it is gone: a share that was taken over is not where others are.
    """

    idempotent = True
    ipv6_implemented = True
    extra_spec_prefix = "vast"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["config_opts"] = [*kwargs.get("config_opts", ()), VAST_OPTS]
        super().__init__(False, *args, **kwargs)
        self._array: Array | None = None
        self._ip_versions = [4]

    # Life cycle

    def do_setup(self, context: AnyContext) -> None:
        """Read the configuration and begin a session; re-runnable."""
        session = Session(self._settings())
        previous, self._array = self._array, Array(session)
        if previous is not None:
            previous.session.close()

    def check_for_setup_error(self) -> None:
        """The array answers, is new enough, has the pool, and lets folders be deleted."""
        version = self._version()
        if version < OLDEST:
            raise errors.VastDriverException(
                reason=f"the array runs {_dotted(version)}; {_dotted(OLDEST)} or newer is needed"
            )
        pool = self._pool()
        self._ip_versions = sorted({address.version for address in names.addresses(pool)})
        self.array.remove_directory(f"{self.root}/{_PROBE}", pool.tenant_id)

    def get_backend_info(self, context: AnyContext) -> Mapping[str, Any]:
        """What export locations depend on."""
        pool = self._pool()
        return {
            "vast_vippool_name": self._option("vast_vippool_name"),
            "vast_mgmt_host": self._option("vast_mgmt_host"),
            "vast_root_export": self.root,
            "addresses": ",".join(map(str, names.addresses(pool))),
        }

    def get_configured_ip_versions(self) -> list[int]:
        """Those of the pool's addresses."""
        return self._ip_versions

    def get_extra_specs(self) -> Mapping[str, Sequence[str]]:
        """A share is exported from the backend's pool, and from no other."""
        return {"vast:vippool_name": [str(self._option("vast_vippool_name"))]}

    def get_network_allocations_number(self) -> int:
        """No share servers."""
        return 0

    def _settings(self) -> Settings:
        for name in ("vast_mgmt_host", "vast_vippool_name"):
            if not self._option(name):
                raise errors.VastDriverException(reason=f"{name} is not set")
        for name in ("vast_tenant_name", "vast_api_token"):  # they become headers
            value = self._option(name) or ""
            if not (value.isascii() and value.isprintable()):
                raise errors.BadConfigurationException(
                    reason=f"{name} holds characters that cannot be sent; use printable ASCII"
                )
        return Settings(
            host=self._option("vast_mgmt_host"),
            port=self._option("vast_mgmt_port"),
            tenant=self._option("vast_tenant_name"),
            verify=self._option("vast_ssl_verify"),
            ca=self._option("vast_ssl_ca"),
            timeout=float(self._option("vast_mgmt_timeout")),
            auth=self._auth(),
        )

    def _auth(self) -> Auth:
        if token := self._option("vast_api_token"):
            return ApiToken(token)
        user, password = self._option("vast_mgmt_user"), self._option("vast_mgmt_password")
        if not (user and password):
            raise errors.VastDriverException(
                reason="set vast_api_token, or vast_mgmt_user and vast_mgmt_password"
            )
        return Login(user, password)

    def _version(self) -> tuple[int, ...]:
        text = self.array.version()
        found = _VERSION.match(text)
        if found is None:
            raise errors.VastDriverException(reason=f"the array's version is {text!r:.80}")
        return tuple(int(part or 0) for part in found.groups())

    # What is where

    @property
    def array(self) -> Array:
        if self._array is None:
            raise errors.VastDriverException(reason="the driver is not set up yet")
        return self._array

    @property
    def root(self) -> str:
        """The directory above all shares."""
        return names.root_directory(self._option("vast_root_export"))

    def _pool(self) -> Pool:
        """The pool that shares are exported from."""
        name = self._option("vast_vippool_name")
        pool = self.array.find(POOLS, name)
        if pool is None:
            raise errors.VastDriverException(reason=f"the array has no VIP pool {name!r}")
        return pool

    def _directory(self, share_id: str) -> str:
        """Where a share is, or would be."""
        kept = self._storage.get(names.checked_id(share_id), DIRECTORY)
        return kept or names.share_directory(self.root, share_id)

    def _own(self, share_id: str, directory: str) -> None:
        """From now on the directory is this share's."""
        self._storage.update(share_id, {DIRECTORY: directory})

    @property
    def _storage(self) -> Any:
        if self.private_storage is None:
            raise errors.VastDriverException(reason="the driver has no private storage")
        return self.private_storage


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
