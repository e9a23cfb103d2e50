"""What one open page has: its files, and when they are deleted."""

from pathlib import Path

import pytest

from stereo.errors import DataError
from stereo.page.limits import Limits
from stereo.page.session import Sessions


def test_each_page_has_a_folder_of_its_own_that_ends_with_it(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path, Limits())
    one, other = sessions.begin("one"), sessions.begin("other")
    assert sessions.begin("one") is one
    assert sessions.of_key(one.key) is one
    assert one.key != other.key
    with one.folder() as folder:
        (folder / "file").touch()
    sessions.end("one")
    assert [path.name for path in tmp_path.iterdir()] == [other.key]
    for ask in (lambda: sessions.of_page("one"), lambda: sessions.of_key(one.key), lambda: one.folder().__enter__()):
        with pytest.raises(DataError, match="load the page again"):
            ask()


@pytest.mark.parametrize("key", ["", "../other", "é" * 32, "0" * 32])
def test_a_key_that_was_not_given_opens_nothing(tmp_path: Path, key: str) -> None:
    sessions = Sessions(tmp_path, Limits())
    sessions.begin("page")
    with pytest.raises(DataError):
        sessions.of_key(key)


def test_one_page_too_many_ends_the_one_that_was_idle_for_the_longest(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path, Limits(max_sessions=2))
    for page in ("one", "two"):
        sessions.begin(page)
    with sessions.of_page("one").folder():
        pass  # used last
    sessions.begin("three")
    sessions.of_page("one")
    with pytest.raises(DataError):
        sessions.of_page("two")


def test_a_page_that_was_idle_for_too_long_ends_when_another_one_opens(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path, Limits(idle_seconds=-1))
    sessions.begin("old")
    sessions.begin("new")
    with pytest.raises(DataError):
        sessions.of_page("old")
