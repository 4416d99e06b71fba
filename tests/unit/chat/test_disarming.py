"""Links as a model writes them, and what is left of them, wherever its words are cut."""

import pytest

from functions.chat.citing import Citer
from functions.chat.disarming import LEFT_OUT
from quire.domain import Source

TEXT = (
    "Gears wear out quickly, see https://a.com/x or https://en.example/Foo_(bar). "
    "Write to ann@a.com, or look at www.a.com/y and s3://bucket/key for it, or "
    "javascript://a.com/SECRET. In a room: xmpp:bob@a.com/room, or mailto:bob@a.com?subject=x "
    "(mailto:ann@a.com)."
)
LINKS = {
    *("https://a.com/x", "https://en.example/Foo_(bar)", "https://en.example/Foo_(bar"),
    "https://en.example/Foo",  # between two of them, "_(bar) … Foo_" is emphasis
    *("ann@a.com", "www.a.com/y", "s3://bucket/key"),
    *("bob@a.com", "xmpp:bob@a.com/room", "mailto:bob@a.com?subject=x", "mailto:ann@a.com"),
}
SOURCE = Source(index=1, text=TEXT, start=0, end=len(TEXT), score=1.0, title="T")


def shown(written: str, *, sizes: list[int] | None = None) -> str:
    citer, at, seen = Citer([SOURCE], [TEXT]), 0, ""
    for size in [*(sizes or []), len(written)]:
        seen += "".join(getattr(event, "text", "") for event in citer.feed(written[at : at + size]))
        at += size
    seen += "".join(getattr(event, "text", "") for event in citer.finish())
    assert seen == citer.text
    return seen


@pytest.mark.parametrize(
    "written",
    [
        *("see https://a.com/x.", "[words](https://a.com/x) and more", "<https://a.com/x>"),
        *("(https://a.com/x).", "**https://a.com/x**", "[w](https://en.example/Foo_(bar)).", "`a`"),
        *(
            '[w](<https://a.com/x> "title")',
            "[r]: https://a.com/x",
            "mail ann@a.com",
            "**ann@a.com**'s, at xmpp:bob@a.com/room. Or mailto:bob@a.com?subject=x!",
            "bob@a.com: mailto:ann@a.com",
            "www.a.com/y",
        ),
        *("at s3://bucket/key, too", "https://a.com/x/ as well", "见https://en.example/Foo_(bar)"),
        *(
            "Vec<String>, HashMap<K, V>, a<b, then c",
            "1 < 2 && a <= b",
            "3:4, a: b and std::vec",
            "R&D, AT&amp;T",
        ),
        *("x = a[k]: f[i] = 1", "Hello! You: there", "git@host", "@app.route", "<b>bold</b><br>"),
        *(
            "how which www h",
            "http",
            "at 10:30",
            "a \\frac{1}{2}",
            "&",
            "<",
            "!",
            "]",
            "@",
            ":",
            "https:",
        ),
    ],
)
def test_what_is_harmless_or_was_given_stays(written: str) -> None:
    assert shown(written) == written


@pytest.mark.parametrize(
    "written",
    [
        *(
            "https://evil.com/SECRET",
            "www.evil.com/SECRET",
            "ftp://evil.com/SECRET",
            "HTTPS://EVIL.COM",
        ),
        *("<https://evil.com/SECRET>", "https://a.com/x/SECRET", "https://a.com/x?q=SECRET"),
        *(
            "ht[9.9]tps://evil.com/SECRET",
            "https://[9.9]evil.com/SECRET",
            "https://a.com/x[9.9]SECRET",
        ),
        *(
            "https:\\/\\/evil.com/SECRET",
            "https\\://evil.com/SECRET",
            "ht\u200btps://evil.com/SECRET",
        ),
        *("https://user:SECRET@evil.com", "xhttps://evil.com/SECRET", "javascript://a.com/SECRET"),
        *(
            "[x](https://evil.com/SECRET)",
            "[x]: https://evil.com/SECRET",
            "`https://evil.com/SECRET`",
        ),
        *("https://a.com@evil.com/SECRET", "https://a.com/x.SECRET", "https://a.com/x%53ECRET"),
    ],
)
def test_a_url_that_was_not_given_is_left_out(written: str) -> None:
    assert "SECRET" not in shown(written)
    assert LEFT_OUT in shown(written)


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("![x](https://a.com/x)", "! [x](https://a.com/x)"),
        ("[x](<https://evil.com>)", f"[x] (<{LEFT_OUT}>)"),
        ("[x](/logout) [x](//evil.com)", "[x] (/logout) [x] (//evil.com)"),
        ("[x](javascript:alert(1))", "[x] (javascript:alert(1))"),
        ("[x](&#104;ttps:a)", "[x] (& #104;ttps:a)"),
        ("[x](\n  <data:text/html,x>)", "[x] (\n  < data:text/html,x>)"),
        ("[x\ny]: /logout", "[x\ny] : /logout"),
        ("> 1. [x]: /logout", "> 1. [x] : /logout"),
        ("<a href=/x>", "< a href=/x>"),
        ("<img/src=x onerror=y>", "< img/src=x onerror=y>"),
        ("<a\nhref=/x>", "< a\nhref=/x>"),
        ("<script>x</script>", "< script>x< /script>"),
        ("<!-- unseen -->", "< !-- unseen -->"),
        ("<javascript:alert(1)>", "< javascript:alert(1)>"),
        (f"<{'x' * 50} onclick=y>", f"< {'x' * 50} onclick=y>"),
        ("Hi.\r\r[x]: //evil.com/\r\r[y][x]", "Hi.\r\r[x] : //evil.com/\r\r[y][x]"),
        ("<x_y onclick=alert(1)>", "< x_y onclick=alert(1)>"),
        ("<x.y\nonclick=alert(1)>", "< x.y\nonclick=alert(1)>"),
        (f"<x,{'y' * 99} onclick=z>", f"< x,{'y' * 99} onclick=z>"),
        ("SECRET@evil.com", "SECRET@ evil.com"),
        ("SECRET\\@evil.com", "SECRET\\@ evil.com"),
        ("xmpp:ann@a.com/SECRET", "xmpp:ann@ a.com/SECRET"),
        ("mailto:ann@a.com?body=SECRET", "mailto:ann@ a.com?body=SECRET"),
        ("mailto\\:bob@a.com", "mailto\\:bob@ a.com"),
        ("xmpp:bob@a.com/room/SECRET", "xmpp:bob@ a.com/room/SECRET"),
        ("xmpp:bob@a.com", "xmpp:bob@ a.com"),
        ("SECRETmailto:ann@a.com", "SECRETmailto:ann@ a.com"),
        ("SECRET=ann@a.com", "SECRET=ann@ a.com"),
        ("SECRET\\-ann@a.com", "SECRET\\-ann@ a.com"),
        (f"SECRET{'x' * 300}ann@a.com", f"SECRET{'x' * 300}ann@ a.com"),
        (
            "mailto:ann@a.com//////////////////////SECRET",
            "mailto:ann@ a.com//////////////////////SECRET",
        ),
        ("mailto:bob@a.com?subject=x)SECRET", "mailto:bob@a.com?subject=x )SECRET"),
        ("xmpp:bob@a.com/room[1.1]SECRET", "xmpp:bob@a.com/room [1]SECRET"),
        ("SECRET&commat;evil.com", "SECRET& commat;evil.com"),
        ("&#&#54;4;", "&#& #54;4;"),
        ("\x1b]8;;x", "]8;;x"),
        ("[1.1](https://a.com/x)", "[1] (https://a.com/x)"),
        ("[1.1]: /logout", "[1] : /logout"),
        ("https://a.com/x[1.1]SECRET", "https://a.com/x [1]SECRET"),
        ("https://a.com/x.[1.1]SECRET", "https://a.com/x. [1]SECRET"),
        ("https://a.com/x)SECRET", "https://a.com/x )SECRET"),
        ("https://a.com/x(SECRET", "https://a.com/x (SECRET"),
        ("[1[9.9].2]", "[1….2]"),
    ],
)
def test_what_would_be_more_than_words_is_taken_apart(written: str, left: str) -> None:
    assert shown(written) == left
