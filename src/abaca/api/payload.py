"""Reading what clients send: the body and the query string, with every bound checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from abaca.model.errors import BadRequest, TooLarge

MAX_QUERY = 16384  # characters
MAX_PARAMETERS = 200

_decode = msgspec.json.Decoder().decode


def read_json(environ: dict[str, Any], limit: int) -> Any:
    """The JSON body; None when there is none or when it is declared as something else."""
    data = read_body(environ, limit)
    kind = environ.get("CONTENT_TYPE") or ""
    if not data or kind.partition(";")[0].strip().lower() != "application/json":
        return None
    try:
        return _decode(data)
    except RecursionError:
        raise BadRequest("The body is nested too deeply.") from None
    except ValueError as error:  # malformed, not UTF-8, NaN, numbers out of range
        raise BadRequest(f"The body is not valid JSON: {error}.") from None


def declared_length(environ: Mapping[str, Any], limit: int) -> int:
    """The Content-Length, refused if it is over the limit."""
    text = environ.get("CONTENT_LENGTH") or "0"
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise BadRequest("Content-Length is not a number.")
    length = int(text)
    if length > limit:
        raise TooLarge(f"The body has {length} bytes; at most {limit} are accepted.")
    return length


def read_body(environ: dict[str, Any], limit: int) -> bytes:
    """The body as it came; it may be asked for again."""
    data: bytes | None = environ.get("abaca.body")
    if data is None:
        data = environ["abaca.body"] = _read(environ, limit)
    return data


def _read(environ: Mapping[str, Any], limit: int) -> bytes:
    length = declared_length(environ, limit)
    chunked = "chunked" in (environ.get("HTTP_TRANSFER_ENCODING") or "").lower()
    if not length and not chunked:
        return b""
    try:
        data: bytes = environ["wsgi.input"].read(limit + 1 if chunked else length)
    except OSError:
        raise BadRequest("The body could not be read to its end.") from None
    if len(data) > limit:
        raise TooLarge(f"The body has more than {limit} bytes.")
    return data


def read_query(environ: Mapping[str, Any]) -> dict[str, str]:
    """The query string; of a key that comes twice the last value counts."""
    text = environ.get("QUERY_STRING")
    if not text:
        return {}
    if len(text) > MAX_QUERY:
        raise BadRequest(f"The query string has over {MAX_QUERY} characters.")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise BadRequest(f"The query string has over {MAX_PARAMETERS} parameters.") from None
    found = dict(pairs)
    if "%" in text and any("\x00" in part for pair in found.items() for part in pair):
        raise BadRequest("The query string contains a NUL character.")
    return found
