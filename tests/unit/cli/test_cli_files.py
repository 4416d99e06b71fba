"""Which files an upload takes, and what it calls them."""

import sys
from pathlib import Path

import pytest

from cli.client import Failed
from cli.files import File, content_type, find_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.md", "a/c.md", "a/b.md", ".hidden", ".git/config", "a/.cache/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def names(*paths: Path) -> list[str]:
    return [file.name for file in find_files(paths)]


def left_out(*paths: Path) -> list[str]:
    told: list[Path] = []
    find_files(paths, leave_out=told.append)
    return [path.name for path in told]


def test_a_folder_gives_all_but_what_is_hidden(folder: Path) -> None:
    assert names(folder) == ["b.md", "a/b.md", "a/c.md"]


def test_a_file_is_named_without_its_folder(folder: Path) -> None:
    assert find_files([folder / "a" / "c.md"]) == [File(folder / "a" / "c.md", "c.md", 6)]


def test_what_is_given_by_name_may_be_hidden(folder: Path) -> None:
    assert names(folder / ".hidden", folder / ".git") == [".hidden", "config"]


def test_the_same_file_twice_is_one(folder: Path) -> None:
    assert names(folder / "b.md", folder, folder / "a" / ".." / "b.md") == [
        *("b.md", "a/b.md", "a/c.md")
    ]


def test_two_files_never_share_a_name(folder: Path) -> None:
    with pytest.raises(Failed, match=r"would both be named b\.md"):
        find_files([folder / "b.md", folder / "a"])


def test_links_are_followed_within_the_folder_only(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.md"
    outside.touch()
    (folder / "a" / "link.md").symlink_to(folder / "a" / "c.md")
    (folder / "a" / "out.md").symlink_to(outside)
    (folder / "a" / "broken.md").symlink_to(folder / "nothing")
    (folder / "a" / "again").symlink_to(folder / "a")
    assert names(folder / "a") == ["b.md", "c.md", "link.md"]
    assert left_out(folder / "a") == [".cache", "again", "broken.md", "out.md"]


def test_what_is_hidden_is_told(folder: Path) -> None:
    assert left_out(folder) == [".git", ".hidden", ".cache"]
    assert left_out(folder / ".hidden") == []


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="no file to upload"):
        find_files([tmp_path])


@pytest.mark.skipif(sys.platform == "darwin", reason="its file names are always Unicode")
def test_a_name_that_is_not_unicode_becomes_one_that_is(tmp_path: Path) -> None:
    raw = bytes(tmp_path) + b"/caf\xe9.txt"
    with open(raw, "wb"):  # noqa: PTH123 (only bytes can name it)
        assert names(tmp_path) == ["caf�.txt"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.md", "text/markdown"),
        ("A.MD", "text/markdown"),
        ("a.pdf", "application/pdf"),
        ("a.html", "text/html"),
        ("a.txt.gz", "application/octet-stream"),
        ("LICENSE", "application/octet-stream"),
    ],
)
def test_content_types(name: str, expected: str) -> None:
    assert content_type(File(Path(name), name, 1)) == expected
