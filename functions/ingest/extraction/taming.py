"""HTML → HTML that a tree builder reads in time and space linear in its length.

The HTML standard has a parser look through all open elements at a tag, reopen every unclosed
<font> in every paragraph, and compare every attribute with the others of its tag: 100,000 nested
<div> take lexbor a minute, and 50 KB of <font> and <p> take 3.6 GB. None of it matters to the text.
"""

import re

# Chromium's limit too: what is nested deeper becomes a sibling.
_DEEPEST = 512

# Elements that mark nothing we keep, many of which the parser would reopen in every paragraph.
_INLINE = frozenset(
    "a abbr b bdi bdo big cite code data del dfn em font i ins kbd label mark nobr q s samp small "
    "span strike strong sub sup time tt u var".split()
)
# Elements that hold nothing, or that the next one of their kind closes.
_FLAT = frozenset(
    "area base body br col dd dt embed head hr html img input li link meta optgroup option p param "
    "rp rt source tbody td tfoot th thead tr track wbr".split()
)
# Quotes count after an equals sign only, as in <p title=it's>.
_ATTRIBUTES = r"""(?:[^=>]++|=\s*+(?:"[^"]*+"?|'[^']*+'?)?+)*+"""
_LONGEST_ATTRIBUTES = 16_384

_DROPPED = "script|style|svg|math|textarea|iframe|noembed|noframes|xmp"
_TAG = re.compile(
    rf"""<!--(?:-?>|.*?(?:-->|\Z))
      | <(?:{_DROPPED}|title)(?=[\s/])[^<>]*/>
      | <(?P<dropped>{_DROPPED})(?=[\s/>]).*?(?:</(?P=dropped)\b[^<>]*>?|\Z)
      | (?P<title><title(?=[\s/>]).*?(?:</title\b|\Z))
      | <(?P<end>/?)(?P<name>[a-z][^\s/>]*+)(?P<attributes>{_ATTRIBUTES})""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)


def tame(html: str) -> str:
    """Drop comments, scripts, pictures and endless attributes; flatten what nests too deep."""
    depth = 0

    def tamed(tag: re.Match[str]) -> str:
        nonlocal depth
        name, end = tag["name"], tag["end"]
        if name is None:
            return tag["title"] or ""
        name = name.lower()
        if name in _INLINE:
            name = "wbr"
        elif name not in _FLAT:
            depth += not end
            name = name if depth <= _DEEPEST else "br"
            depth -= bool(end and depth)
        attributes = tag["attributes"]
        return f"<{end}{name}{attributes if len(attributes) < _LONGEST_ATTRIBUTES else ''}"

    return _TAG.sub(tamed, html)
