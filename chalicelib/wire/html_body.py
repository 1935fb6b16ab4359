"""The HTML of mail bodies: what is kept of it when it comes in. nh3 (the ammonia sanitiser) decides, not we.

Text, its structure, and links that say where they lead. Nothing that runs, loads, styles, or asks for input; so a
reader can show it as it is stored.
"""

import functools
import re
from collections.abc import Callable

MAX_BODY_LENGTH = 50_000  # characters, as it comes in and as it is kept

_TEXT = {"a", "b", "br", "code", "em", "i", "s", "span", "strong", "sub", "sup", "u"}
_BLOCKS = {"blockquote", "div", "h1", "h2", "h3", "h4", "hr", "p", "pre"}
_LISTS = {"dd", "dl", "dt", "li", "ol", "ul"}
TAGS = frozenset(_TEXT | _BLOCKS | _LISTS)
LINK_SCHEMES = frozenset({"http", "https", "mailto"})
LINK_REL = "noopener noreferrer nofollow"

MAX_COPIES = 500_000  # elements, of some 250 bytes each
# HTML carries these on into each block after the one they were left open in. Without attributes it does so with three
# of a kind at most, and of links with one.
_CARRIED_ON = re.compile(r"<(?:b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)[\s/]", re.IGNORECASE)


def sanitised(html: str) -> str:
    """Raises ValueError for too much to parse, and when what is kept is too long: escaping makes text longer."""
    if len(_CARRIED_ON.findall(html)) * html.count("<") > MAX_COPIES:  # (P4) or 40 KB of them fill any memory
        raise ValueError("These are too many tags: write bold, italic and the like without attributes.")
    clean = _cleaner()(html)
    if len(clean) > MAX_BODY_LENGTH:
        raise ValueError(f"As HTML, the body is longer than {MAX_BODY_LENGTH} characters.")
    return clean


@functools.cache
def _cleaner() -> Callable[[str], str]:
    import nh3  # late: only who sends a mail needs it

    return nh3.Cleaner(
        tags=set(TAGS),
        attributes={"a": {"href"}},
        url_schemes=set(LINK_SCHEMES),
        url_relative="deny",
        link_rel=LINK_REL,
    ).clean
