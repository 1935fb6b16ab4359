"""What is kept of a body's HTML. The library decides; these are our settings of it."""

import re
from pathlib import Path

import pytest

from chalicelib.wire.html_body import LINK_SCHEMES, MAX_BODY_LENGTH, TAGS, sanitised

REL = 'rel="noopener noreferrer nofollow"'


def test_text_and_its_structure_stay() -> None:
    html = "<h2>Hello</h2><p>a <b>b</b> <em>c</em><br>d</p><ul><li>e</li></ul><blockquote>f</blockquote><pre>g</pre>"
    assert sanitised(html) == html


@pytest.mark.parametrize("text", ["", "plain", "two\nlines", "Grüße 签署 👩‍👩‍👧"])
def test_text_without_tags_is_html_too(text: str) -> None:
    assert sanitised(text) == text


def test_what_looks_like_a_tag_and_is_none_is_escaped() -> None:
    assert sanitised("1 < 2 & 3 > 2") == "1 &lt; 2 &amp; 3 &gt; 2"


@pytest.mark.parametrize("address", ["https://example.com/a?b=1", "http://example.com/", "mailto:bob@example.com"])
def test_a_link_that_says_where_it_leads_stays(address: str) -> None:
    assert sanitised(f'<a href="{address}">x</a>') == f'<a href="{address}" {REL}>x</a>'


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "/relative",
        "//elsewhere.example/x",
        "?q",
        "#d",
    ],
)
def test_another_link_leads_nowhere(address: str) -> None:
    assert "href" not in sanitised(f'<a href="{address}">x</a>')


def test_a_links_own_attributes_go() -> None:
    html = '<a href="https://x.example/" target="_blank" rel="opener" onclick="x" style="x" class="x" id="x">y</a>'
    assert sanitised(html) == f'<a href="https://x.example/" {REL}>y</a>'


def test_nothing_is_loaded_from_elsewhere() -> None:
    html = (
        '<img src="https://x.example/p.png"><img srcset="x 1x"><video src="x"></video><audio src="x"></audio>'
        '<iframe src="x"></iframe><object data="x"></object><embed src="x"><link rel="stylesheet" href="x">'
        '<p style="background:url(https://x.example/)">a</p><table background="x"><tr><td>b</td></tr></table>'
        '<svg><image href="x"/></svg><input type="image" src="x"><base href="https://x.example/"><picture></picture>'
    )
    kept = sanitised(html)
    assert not re.search(r"(src|href|style|background|data|url)\b", kept)
    assert set(re.findall(r"<(\w+)", kept)) <= TAGS


def test_nothing_asks_for_input() -> None:
    html = '<form action="https://x.example/"><input name="pin"><button>ok</button><select></select></form>'
    assert "<" not in sanitised(html)


def test_what_is_kept_is_kept_as_it_is_when_it_comes_again() -> None:
    once = sanitised('<p onclick="x">a<b>b<i>c</p><a href="https://x.example/">d</a> & <unknown>e')
    assert sanitised(once) == once


def test_it_may_not_grow_beyond_the_limit() -> None:
    assert len(sanitised("a" * MAX_BODY_LENGTH)) == MAX_BODY_LENGTH
    with pytest.raises(ValueError, match="longer than"):
        sanitised("&" * MAX_BODY_LENGTH)


def test_the_receiving_page_knows_the_same_elements_and_schemes() -> None:
    """It makes of a body what is on its own list, and nothing else."""
    script = (Path(__file__).parents[3] / "web" / "d" / "body.js").read_text(encoding="utf-8")
    (tags,) = re.findall(r'const TAGS = new Set\(\s*"([^"]+)"\.split', script)
    (schemes,) = re.findall(r"const SCHEMES = new Set\(\[(.+)\]\)", script)
    assert tags.split() == sorted(TAGS)
    assert set(re.findall(r'"(\w+):"', schemes)) == LINK_SCHEMES
