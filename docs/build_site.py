"""Build the documentation into the folder `site`: the pages, their Markdown, and `llms.txt`.

Run it with `python docs/build_site.py`: it needs `pip install -e '.[docs]'`.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[1]
SKIPPABLE_SECTION = "Contribute"  # which llms.txt calls "Optional", by its own rules
LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")
COLOUR = re.compile(r"\x1b\[[\d;]*m")
SENTENCE_END = re.compile(r"(?<=\.)\s")


class Page(NamedTuple):
    """A page of the navigation: section, title or None for its own, and path below `docs`."""

    section: str
    title: str | None
    path: str


def build_site(root: Path) -> list[str]:
    """Build the site of the checkout *root*; return what is wrong, nothing if it was built."""
    config = yaml.safe_load((root / "mkdocs.yml").read_text("utf-8"))
    pages = list(list_pages(config["nav"]))
    if mistakes := find_nav_mistakes([page.path for page in pages], root / "docs"):
        return mistakes
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if ran.returncode:
        problems, *_ = COLOUR.sub("", ran.stderr).partition("Traceback")  # of its command
        return [problems.strip() or ran.stderr]
    site = root / "site"
    for page in pages:  # at their own paths, so that the links between them lead on
        (site / page.path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / "docs" / page.path, site / page.path)
    (site / "llms.txt").write_text(write_llms_text(config, pages, root / "docs"), "utf-8")
    return []


def list_pages(nav: Sequence[Any], section: str = "") -> Iterator[Page]:
    """Yield the pages of a navigation, as in mkdocs.yml, in order."""
    for entry in nav:
        title, target = next(iter(entry.items())) if isinstance(entry, dict) else (None, entry)
        if isinstance(target, list):
            yield from list_pages(target, section or title or "")
        else:
            yield Page(section, title, target)


def find_nav_mistakes(named: Sequence[str], docs: Path) -> list[str]:
    """Compare the paths in the navigation with the files of the folder *docs*."""
    folders = (docs / "examples",)
    files = {
        path.relative_to(docs).as_posix()
        for path in docs.rglob("*.md")
        if not any(folder in path.parents for folder in folders)
    }
    hint = "Correct `nav` in mkdocs.yml."
    return [
        *(
            f"docs/{path}: no entry in the navigation leads here. {hint}"
            for path in sorted(files - {*named})
        ),
        *(
            f"docs/{path}: the navigation names it, but it does not exist. {hint}"
            for path in sorted({*named} - files)
        ),
        *(
            f"docs/{path}: the navigation names it twice. {hint}"
            for path in named
            if named.count(path) > 1
        ),
    ]


def write_llms_text(config: dict[str, Any], pages: Sequence[Page], docs: Path) -> str:
    """Return the text of `llms.txt` (llmstxt.org): the summary, then the pages by section."""
    lines = [f"# {config['site_name']}", "", f"> {config['site_description']}"]
    section = ""
    for page in pages:
        if page.section != section:
            section = page.section
            lines += ["", f"## {'Optional' if section == SKIPPABLE_SECTION else section}", ""]
        title, about = read_title_and_summary((docs / page.path).read_text("utf-8"))
        lines.append(f"- [{page.title or title}]({page.path}): {about}")
    return "\n".join(lines) + "\n"


def read_title_and_summary(text: str) -> tuple[str, str]:
    """Return the title of a Markdown page, and the first sentence of its first paragraph."""
    heading, _, rest = text.partition("\n")
    blocks = [block for block in rest.split("\n\n") if block.strip()]
    is_prose = re.compile(r"\w|\[|\*\*|`(?!``)")
    paragraph = next((block for block in blocks if is_prose.match(block.strip())), blocks[0])
    plain = LINK.sub(r"\1", " ".join(paragraph.split()))
    return heading.removeprefix("# "), SENTENCE_END.split(plain)[0].rstrip(".:") + "."


def main() -> None:
    """Build the site of this checkout; exit with 1 and the mistakes if it has some."""
    if mistakes := build_site(ROOT):
        sys.exit("\n".join(mistakes))
    sys.stderr.write(f"built {ROOT / 'site'}\n")


if __name__ == "__main__":
    main()
