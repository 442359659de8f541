"""Where in a file each option is set.

oslo.config reads the values; this scanner reads the same lines by the same rules and adds the line
number.  A line that cannot be read is named without its content: it may hold a password.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from .errors import ConfigError


class Setting(msgspec.Struct, frozen=True):
    """One assignment in one file."""

    section: str  # as oslo.config looks it up: DEFAULT, or lower case
    name: str
    value: str  # quotes removed, continuation lines joined by a newline
    file: str
    line: int

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


def normal(section: str) -> str:
    """The name under which oslo.config looks a section up."""
    return section if section == "DEFAULT" else section.lower()


def scan(path: Path) -> tuple[list[Setting], list[str]]:
    """The settings of a file in order, and its section names as written."""
    try:
        content = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"The configuration file {path} does not exist.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"The configuration file {path} is not UTF-8 text.") from None
    except OSError as error:
        raise ConfigError(f"Cannot read configuration file {path}: {error.strerror}.") from None
    scanner = _Scanner(str(path))
    scanner.read(content.split("\n"))
    return scanner.settings, scanner.sections


class _Scanner:
    def __init__(self, file: str) -> None:
        self.file = file
        self.settings: list[Setting] = []
        self.sections: list[str] = []
        self.section = ""
        self.open: tuple[str, list[str], int] | None = None  # name, values, line

    def read(self, lines: Iterable[str]) -> None:
        for number, raw in enumerate(lines, start=1):
            line = raw.rstrip()
            if line.startswith((" ", "\t")):
                self._continue(line, number)
                continue
            self._close()
            if line.startswith("["):
                self._section(line, number)
            elif line and not line.startswith(("#", ";")):
                self._assignment(line, number)
        self._close()

    def _continue(self, line: str, number: int) -> None:
        if self.open is None:
            raise self._bad(number, "an indented line that continues nothing")
        self.open[1].append(line.lstrip())

    def _section(self, line: str, number: int) -> None:
        if not line.endswith("]"):
            raise self._bad(number, "a section name without the closing ]")
        if len(line) <= 2:
            raise self._bad(number, "an empty section name")
        self.section = line[1:-1]
        self.sections.append(self.section)

    def _assignment(self, line: str, number: int) -> None:
        cuts = [at for at in (line.find("="), line.find(":")) if at >= 0]
        if not cuts:
            raise self._bad(number, "a line without = or :")
        name, value = line[: min(cuts)].strip(), line[min(cuts) + 1 :].strip()
        if not name:
            raise self._bad(number, "a value without a name")
        if not self.section:
            raise self._bad(number, "an option before any [section]")
        if value and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        self.open = (name, [value], number)

    def _close(self) -> None:
        if self.open is not None:
            name, values, number = self.open
            text = "\n".join(values)
            self.settings.append(Setting(normal(self.section), name, text, self.file, number))
            self.open = None

    def _bad(self, number: int, what: str) -> ConfigError:
        return ConfigError(f"{self.file}:{number}: {what}.")
