"""What the README and the pages say is so: links, commands, options, targets, packages, numbers."""

import re
from pathlib import Path

import pytest
from helpers import REPOSITORY, load_script

README = REPOSITORY / "README.md"
PAGES = [
    README,
    *sorted((REPOSITORY / "docs").glob("*.md")),
    *(REPOSITORY / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "data/README.md", "checkpoints/README.md")),
]
by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))


def prose_of(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@by_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(page)):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        assert path.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors_of(path), f"{page.name}: {target}"


def test_the_readme_links_to_every_page() -> None:
    linked = {(REPOSITORY / target).resolve() for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose_of(README))}
    pages = [*(REPOSITORY / "docs").glob("*.md"), *(REPOSITORY / "docs").glob("*.ipynb")]
    assert [page.name for page in pages if page.resolve() not in linked] == []


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) < 150


def commands_of(page: Path) -> list[tuple[str, str]]:
    """The scripts that a page calls, and the words behind each."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.findall(r"(?:scripts/(\w+)\.py|^ *stereo (\w+)) ?([^\n`#|]*)", text, re.MULTILINE)
    return [(script or command, words) for script, command, words in found]


@pytest.fixture(scope="module")
def helps() -> dict[str, str]:
    return {}


@by_page
def test_commands_have_the_options_that_pages_give_them(
    page: Path, helps: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    for name, words in commands_of(page):
        assert (REPOSITORY / "scripts" / f"{name}.py").is_file(), f"{page.name}: {name}"
        options = re.findall(r"(?<![\w-])--[a-z][\w-]*", words)
        if options and name not in helps:
            with pytest.raises(SystemExit):
                load_script(name).main(["--help"])
            helps[name] = capsys.readouterr().out
        for option in options:
            assert re.search(rf"{option}(?![\w-])", helps[name]), f"{page.name}: {name} has no {option}"


@by_page
def test_configurations_that_pages_name_are_there(page: Path) -> None:
    for name in re.findall(r"configs/[\w/]+\.yaml", page.read_text(encoding="utf-8")):
        assert (REPOSITORY / name).is_file(), f"{page.name}: {name}"


def test_make_has_the_targets_that_the_readme_names() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^    |`)make ([a-z-]+)", README.read_text(encoding="utf-8"), re.MULTILINE))
    assert named >= {"demo", "test", "test-all", "lint", "format"}
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def test_ci_runs_what_the_readme_says() -> None:
    run = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
    assert re.findall(r"^make .*$", run, re.MULTILINE) == ["make lint", "make test"]
    develop = README.read_text(encoding="utf-8").partition("## Develop\n\n")[2]
    assert re.findall(r"^    (make [a-z-]+)", develop, re.MULTILINE)[:2] == ["make lint", "make test"]


def test_the_page_of_dependencies_has_each_package() -> None:
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    project = project.partition("\ndependencies = [")[2].partition("[project.scripts]")[0]  # the extras stand between
    wanted = {name.lower() for name in re.findall(r'"([\w-]+)[><=]', project)}
    pinned = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8")
    wanted |= {name.lower() for name in re.findall(r"^([\w-]+)==", pinned, re.MULTILINE)}
    rows = re.findall(r"^\| (?!package)([^|]+) \|", (REPOSITORY / "docs" / "dependencies.md").read_text(), re.MULTILINE)
    listed = [name.strip().lower() for row in rows for name in re.sub(r"extra `\w+`:", "", row).split(",")]
    assert sorted(listed) == sorted(wanted)


def test_the_readme_sums_up_the_table_of_results() -> None:
    """After a change of docs/results.md, the failure shows the rows that the README must have."""
    table = re.findall(r"^\| (.+) \|$", (REPOSITORY / "docs" / "results.md").read_text(encoding="utf-8"), re.MULTILINE)
    cells = [[cell.strip() for cell in row.split(" | ")] for row in table]
    rows = {(row[0], row[1]): row for row in cells if len(row) == 9 and row[2] == "all"}
    assert rows
    network = "network (compact)"
    expected = []
    for data, method in rows:
        if method == network:
            three = rows[data, network], rows[data, "network (guided)"], rows[data, "sgbm"]
            figures = [one[column].split(" / ")[0] for column in (4, 6, 8) for one in three]
            expected.append(f"| {data} | {rows[data, network][3]} | {' | '.join(figures)} |")
    summary = README.read_text(encoding="utf-8").partition("## Results")[2].partition("<!-- /numbers -->")[0]
    assert [line for line in summary.splitlines() if line.startswith("|")][2:] == expected
