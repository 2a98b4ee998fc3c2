"""The site of the documentation is complete, without dead links, and can be searched."""

import re
import shutil
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from docs_scripts import load_docs_script
from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


BUILD = load_docs_script("build_site")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("zensical", reason="the extra `docs` is not installed")
    root = tmp_path_factory.mktemp("docs")
    shutil.copytree(
        DOCS, root / "docs", ignore=shutil.ignore_patterns("node_modules", "__pycache__")
    )
    shutil.copy(ROOT / "mkdocs.yml", root)
    assert BUILD.build_site(root) == []
    built: Path = root / "site"
    return built


class LinkParser(HTMLParser):
    """Parser that collects the addresses and the ids of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect what one tag has."""
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
                if tag != "a":
                    self.loaded.append(value)
            if name in ("id", "name") and value:
                self.ids.add(value)


def find_dead_links(site: Path) -> Iterator[str]:
    """Yield the links of a site, as "page link", that lead to no file or no place in it."""
    pages = {path: LinkParser(path.read_text("utf-8")) for path in site.rglob("*.html")}
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            base = site if parts.path.startswith("/") else path.parent
            target = (base / unquote(parts.path).lstrip("/")).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            known = pages[target].ids if target in pages else {parts.fragment}
            if not target.is_file() or (parts.fragment and parts.fragment not in known):
                yield f"{path.relative_to(site)} {link}"


@pytest.mark.extended
def test_every_link_and_image_of_the_site_leads_somewhere(site: Path) -> None:
    assert list(find_dead_links(site)) == []


def test_the_pages_load_nothing_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        loaded = LinkParser(path.read_text("utf-8")).loaded
        assert [link for link in loaded if urlsplit(link).netloc] == [], path


def test_llms_txt_lists_every_page_of_the_navigation_once(site: Path) -> None:
    text = (site / "llms.txt").read_text("utf-8")
    assert re.match(r"# .+\n\n> .+\n\n## Start\n\n- \[", text)
    lines = [line for line in text.splitlines() if line.startswith("- ")]
    listed = [re.fullmatch(r"- \[([^]]+)\]\(([^)]+)\): \S.{5,}\.", line) for line in lines]
    assert all(listed), lines
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]
    paths = [page.path for page in BUILD.list_pages(nav)]
    assert [match[2] for match in listed if match] == paths
    for path in paths:
        assert (site / path).read_text("utf-8") == (DOCS / path).read_text("utf-8")


def test_llms_txt_marks_pages_for_contributors_as_optional(site: Path) -> None:
    _, _, rest = (site / "llms.txt").read_text("utf-8").partition("\n## Optional\n")
    assert "(architecture.md)" in rest
    assert "(decisions/one-writer.md)" in rest


@pytest.fixture
def site_address(site: Path) -> Iterator[str]:
    handler = partial(SilentHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class SilentHandler(SimpleHTTPRequestHandler):
    """Handler that serves files and logs nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.mark.extended
def test_a_reader_finds_a_page_by_a_word(site_address: str, browser: Browser) -> None:
    page = browser.new_page()
    page.set_default_timeout(30_000)
    failed: list[str] = []
    page.on("requestfailed", lambda request: failed.append(request.url))
    page.goto(site_address)
    page.get_by_role("button", name="Search").first.click()
    page.get_by_placeholder("Search").fill("Caddy")
    page.get_by_text("Behind a reverse proxy", exact=True).click()
    page.wait_for_url(f"{site_address}teams/**")
    page.close()
    assert failed == []


@pytest.mark.parametrize(
    ("link", "message"),
    [
        pytest.param("[Away](nowhere.md)", "page does not exist", id="link to no page"),
        pytest.param("[Away](other.md#no)", "anchor does not exist", id="link to no heading"),
    ],
)
def test_a_broken_link_fails_the_build(tmp_path: Path, link: str, message: str) -> None:
    pytest.importorskip("zensical", reason="the extra `docs` is not installed")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(f"# A page\n\nText. {link}\n", "utf-8")
    (tmp_path / "docs" / "other.md").write_text("# Another\n\nText.\n", "utf-8")
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    settings["nav"] = ["index.md", "other.md"]
    (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump(settings), "utf-8")
    (mistake,) = BUILD.build_site(tmp_path)
    assert message in mistake
    assert "index.md" in mistake
    assert "Traceback" not in mistake


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (["index.md"], "docs/new/a.md: no entry in the navigation leads here."),
        (["index.md", "new/a.md", "b.md"], "docs/b.md: the navigation names it, but it does not"),
        (["index.md", "new/a.md", "index.md"], "docs/index.md: the navigation names it twice."),
    ],
)
def test_the_navigation_has_each_page_once(tmp_path: Path, named: list[str], message: str) -> None:
    (tmp_path / "new").mkdir()
    for name in ("index.md", "new/a.md"):
        (tmp_path / name).write_text("# A page\n", "utf-8")
    mistakes = BUILD.find_nav_mistakes(named, tmp_path)
    assert set(mistakes) == {mistake for mistake in mistakes if mistake.startswith(message)}
    assert mistakes
