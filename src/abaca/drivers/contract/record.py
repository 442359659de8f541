"""What drivers are given: immutable records that are mappings and attribute objects at once.

`share["id"]`, `share.id`, `share.get("id")`, `"id" in share`, `dict(share)` and `share.to_dict()`
all work, so drivers written for the incumbent's database objects run unmodified.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NoReturn, Self


class Record(Mapping[str, Any]):
    """A mapping whose keys are attributes too; it never changes."""

    __slots__ = ("_data",)
    _data: dict[str, Any]

    keys_: ClassVar[tuple[str, ...]] = ()
    optional: ClassVar[frozenset[str]] = frozenset()
    defaults: ClassVar[Mapping[str, Any]] = {}
    name_template: ClassVar[str] = ""  # gives `name` when the caller does not
    _blank: ClassVar[dict[str, Any]] = {}
    _fresh: ClassVar[tuple[tuple[str, type], ...]] = ()  # defaults that need an own empty value

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        hidden = {"keys_", "optional", "defaults", "name_template"}
        cls.keys_ = tuple(k for k in cls.__annotations__ if k not in hidden)
        cls._blank = {k: cls.defaults.get(k) for k in cls.keys_ if k not in cls.optional}
        cls._fresh = tuple(
            (k, type(v)) for k, v in cls.defaults.items() if isinstance(v, list | dict)
        )

    def __init__(self, data: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_data", dict(data))

    @classmethod
    def make(cls, **values: Any) -> Self:
        """A record with all its keys.  An unknown key is a TypeError: it would be a typing slip."""
        data = {**cls._blank, **values}
        if len(data) != len(cls._blank):
            unknown = data.keys() - set(cls.keys_)
            if unknown:
                raise TypeError(f"{cls.__name__} has no key {sorted(unknown)}")
        for key, kind in cls._fresh:
            if key not in values:
                data[key] = kind()
        if cls.name_template and data.get("name") is None:
            data["name"] = cls.name_template % data["id"]
        record = cls.__new__(cls)
        object.__setattr__(record, "_data", data)
        return record

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __contains__(self, key: object) -> bool:
        return key in self._data

    def get(self, key: str, default: Any = None) -> Any:
        return self._data.get(key, default)

    def __getattr__(self, name: str) -> Any:
        if name == "_data":  # a half-made object (copy, pickle) has no data to look in
            raise AttributeError(name)
        try:
            return self._data[name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no {name!r}") from None

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} records do not change; use replace()")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} records do not change; use replace()")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._data,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._data!r})"

    def replace(self, **values: Any) -> Self:
        """A copy with some values changed or added."""
        return type(self)({**self._data, **values})

    def copy(self) -> dict[str, Any]:
        """A plain dictionary that may be changed; nested records stay records."""
        return dict(self._data)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries and lists all the way down."""
        return {key: plain(value) for key, value in self._data.items()}


def plain(value: Any) -> Any:
    """Records and mappings as dictionaries, sequences as lists, the rest as it is."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
