"""What a reader's program would make of an answer: links, images, tags that do something.

An answer is looked at as Markdown with its HTML; each of its texts, as what links bare addresses
looks at them; and all of it as a terminal does.
"""

import re

from markdown_it import MarkdownIt
from selectolax.lexbor import LexborHTMLParser

_BARE = re.compile(r"(?:[a-z][a-z0-9+-]*://|(?<![a-z0-9])www\.)[^\s<]*[\w/]", re.IGNORECASE)
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# https://github.github.com/gfm/#autolinks-extension-, and what others take for a part of one
_PROTOCOL = re.compile(
    r"(?:mailto|xmpp):[\w.+-]+@[\w-]+(?:\.[\w-]+)+(?:[/?#][^\s<]*[\w/])?", re.IGNORECASE
)
_ENDS = re.compile(r"[\])}>*_~`'\".,;:!?|…«»]+$")
_TAGS = set(
    "p em strong code pre a ul ol li blockquote br hr h1 h2 h3 h4 h5 h6 b i html head body".split()
)
_PLAIN = {("a", "href"), ("a", "title"), ("code", "class"), ("ol", "start")}


def active(markdown: str) -> set[str]:
    """Where its links lead; each tag and attribute that is more than Markdown's own."""
    page = LexborHTMLParser(MarkdownIt("commonmark").render(markdown))
    found: set[str] = set()
    for node in page.css("*"):
        tag = str(node.tag)
        # What HTML does not know it neither fetches nor runs.
        known = tag in _TAGS or (not node.attributes and tag not in ("script", "style"))
        if not known:
            found.add(f"<{tag}>")
        found |= {f"<{tag} {name}>" for name in node.attributes if (tag, name) not in _PLAIN}
        if "href" in node.attributes:
            found.add(node.attributes["href"] or "")
    for link in page.css("a"):
        link.decompose()
    rendered = page.body.text(separator="\n") if page.body else ""
    for text in (rendered, markdown):
        found |= {_ENDS.sub("", url) for url in _BARE.findall(text) + _PROTOCOL.findall(text)}
        found |= {address.rstrip("-_") for address in _ADDRESS.findall(text)}
    return found
