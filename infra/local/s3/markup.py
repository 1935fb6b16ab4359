"""The little XML that S3 speaks."""

import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from infra.local.s3.errors import S3Error

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_TAG_NAMESPACE = re.compile(r"^\{[^}]*\}")


def render(root: str, fields: Mapping[str, str], rest: str = "") -> bytes:
    body = f'<{root} xmlns="{_NAMESPACE}">{elements(fields)}{rest}</{root}>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode()


def elements(fields: Mapping[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())


def completed_parts(document: bytes) -> list[dict[str, str]]:
    """[{PartNumber, ETag, ChecksumSHA256?...}] of CompleteMultipartUpload. Raises S3Error MalformedXML."""
    try:
        root = ET.fromstring(document)  # noqa: S314 - expat bounds entity expansion, and it is our own stack
    except ET.ParseError:
        raise _malformed() from None
    parts = [{_TAG_NAMESPACE.sub("", field.tag): field.text or "" for field in part} for part in root]
    if not parts or not all(_is_part(part) for part in parts):
        raise _malformed()
    return parts


def _is_part(part: Mapping[str, str]) -> bool:
    return "ETag" in part and bool(re.fullmatch("[0-9]{1,9}", part.get("PartNumber", "")))


def _malformed() -> S3Error:
    return S3Error(400, "MalformedXML", "The XML you provided was not well-formed or did not validate.")
