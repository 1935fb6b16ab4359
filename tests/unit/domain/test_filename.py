"""File names: what is taken, and that what is taken travels in a header whole and can break nothing on its way."""

import re
import unicodedata
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header

from chalicelib.domain.filename import (
    DEFAULT_TYPE,
    MAX_NAME_BYTES,
    clean_filename,
    content_disposition,
    download_type,
    guess_type,
    split_filename,
)

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"((?:[^"\\\r\n]|\\[^\r\n])*)"'
_PARAMETER = re.compile(rf"\s*;\s*({_TOKEN})\s*=\s*(?:({_TOKEN})(?=\s*(?:;|$))|{_QUOTED})")


def read_disposition(header: str) -> tuple[str, dict[str, str]]:
    """RFC 6266 by the book, for comparison: the type and its parameters, `filename*` decoded as RFC 8187 says."""
    kind = re.match(_TOKEN, header)
    assert kind, header
    at, found = kind.end(), {}
    while at < len(header):
        match = _PARAMETER.match(header, at)
        assert match, f"not a parameter at {at}: {header!r}"
        name, token, quoted = match.groups()
        value = token if token is not None else re.sub(r"\\(.)", r"\1", quoted)
        assert name.lower() not in found, f"{name} stands there twice"
        found[name.lower()] = value
        at = match.end()
    if "filename*" in found:
        charset, _, encoded = found["filename*"].split("'", 2)
        found["filename*"] = unquote_to_bytes(encoded).decode(charset)
    return kind.group().lower(), found


BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
AWKWARD = st.text(st.one_of(st.characters(), st.sampled_from("\"'\\;=%*/\r\n\t\x00\u202e\u2028 .~")), max_size=80)


class TestClean:
    @pytest.mark.parametrize(
        "name",
        [
            "invoice.pdf",
            "no extension",
            ".bashrc",
            "a" * 255,
            "\N{EURO SIGN}" * 85,  # 255 bytes
            "\U0001f600.png",
            'quote".pdf',
            "semi;colon=1.pdf",
            "100%.pdf",
            "...",
            "naïve.txt",
            "файл.txt",
            "con.txt",
        ],
    )
    def test_taken_as_it_is(self, name: str) -> None:
        assert clean_filename(name) == name

    def test_composed(self) -> None:
        assert clean_filename("cafe\u0301.txt") == "caf\u00e9.txt"

    def test_space_around_goes(self) -> None:
        assert clean_filename("  a b.txt \n") == "a b.txt"

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("", "empty"),
            ("   ", "empty"),
            (".", "folder"),
            ("..", "folder"),
            (" .. ", "folder"),
            ("a" * 256, "255 bytes"),
            ("\N{EURO SIGN}" * 86, "255 bytes"),
            ("../etc/passwd", "slash"),
            ("a/b", "slash"),
            ("a\\b", "slash"),
            ("a\r\nSet-Cookie: x", "control"),
            ("a\x00b", "control"),
            ("a\x7fb", "control"),
            ("a\x85b", "control"),
            ("a\u2028b", "control"),
            ("exe.\u202efdp", "direction"),
            ("a\u200fb", "direction"),
            ("a\u2066b", "direction"),
            ("a\ud800b", "surrogate"),
        ],
    )
    def test_refused(self, name: str, reason: str) -> None:
        with pytest.raises(ValueError, match=reason):
            clean_filename(name)

    @given(AWKWARD)
    def test_what_is_taken_is_harmless(self, name: str) -> None:
        try:
            cleaned = clean_filename(name)
        except ValueError:
            return
        assert clean_filename(cleaned) == cleaned
        assert 1 <= len(cleaned.encode()) <= MAX_NAME_BYTES
        assert cleaned not in {".", ".."}
        assert not {"/", "\\", "\r", "\n", "\x00"} & set(cleaned)
        assert not BIDI & {unicodedata.bidirectional(character) for character in cleaned}


class TestDisposition:
    @given(AWKWARD.filter(lambda name: not re.search("[\ud800-\udfff]", name)))
    @example('a"; filename="b.exe')
    @example("a\r\nX: y")
    @example("%41.txt")
    @example("UTF-8''x")
    @example("\\")
    @example("")
    def test_it_reads_back(self, name: str) -> None:
        """Of any name, also one that would not be taken today."""
        header = content_disposition(name)
        assert header.isascii()
        assert header.isprintable()
        kind, parameters = read_disposition(header)
        assert kind == "attachment"
        assert set(parameters) == {"filename", "filename*"}
        assert parameters["filename*"] == name
        if name.isascii() and name.isprintable() and not set('"\\%') & set(name):
            assert parameters["filename"] == name

    @pytest.mark.parametrize("name", ['say "hi".txt', "1;2.txt", "\u20ac rates.pdf", "a'b.txt", "\U0001f600.png"])
    def test_another_reader_agrees(self, name: str) -> None:
        assert parse_options_header(content_disposition(name)) == ("attachment", {"filename": name})


class TestSplit:
    @pytest.mark.parametrize(
        ("name", "parts"),
        [
            ("invoice.pdf", ("invoice", "pdf")),
            ("archive.tar.gz", ("archive.tar", "gz")),
            ("README", ("README", "")),
            (".bashrc", (".bashrc", "")),
            ("..a", (".", "a")),
            ("trailing.", ("trailing", "")),
            ("a.b c", ("a", "b c")),
        ],
    )
    def test_of(self, name: str, parts: tuple[str, str]) -> None:
        assert split_filename(name) == parts

    @given(AWKWARD.filter(bool))
    def test_nothing_is_lost(self, name: str) -> None:
        stem, extension = split_filename(name)
        assert stem
        assert name in {f"{stem}.{extension}", stem}


class TestTypes:
    @pytest.mark.parametrize(
        ("name", "media_type"),
        [
            ("a.pdf", "application/pdf"),
            ("a.PNG", "image/png"),
            ("a", DEFAULT_TYPE),
            ("a.zzz", DEFAULT_TYPE),
        ],
    )
    def test_guessed(self, name: str, media_type: str) -> None:
        assert guess_type(name) == media_type

    @pytest.mark.parametrize("name", ["data:text,x", "data:,", "http:x.html?.pdf", "a;b=c.txt"])
    def test_a_name_that_looks_like_a_url_is_still_a_name(self, name: str) -> None:
        assert re.fullmatch(r"[\w.+-]+/[\w.+-]+", guess_type(name))

    @pytest.mark.parametrize(
        "active",
        [
            "text/html",
            "text/xml",
            "application/xml",
            "image/svg+xml",
            "application/xhtml+xml",
            "text/javascript",
            "application/javascript",
            "application/ecmascript",
            "text/vbscript",
            "text/xsl",
            "text/css",
            "text/cache-manifest",
            "multipart/related",
            "message/rfc822",
            "application/x-shockwave-flash",
            "application/vnd.adobe.flash.movie",
            "application/java-archive",
            "application/x-msdownload",
            "application/hta",
            "application/x-ms-application",
            "application/wasm",
            "application/pdf2",
            "image/",
            "unheard/of",
        ],
    )
    def test_what_a_browser_would_run_is_handed_out_as_bytes(self, active: str) -> None:
        assert download_type(active) == DEFAULT_TYPE

    @pytest.mark.parametrize(
        "passive",
        [
            "application/pdf",
            "image/png",
            "text/plain",
            "text/csv",
            "application/zip",
            "video/mp4",
            "audio/mpeg",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/octet-stream",
        ],
    )
    def test_what_nothing_runs_keeps_its_type(self, passive: str) -> None:
        assert download_type(passive) == passive
