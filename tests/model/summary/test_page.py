from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.support.summaries import PLATFORM, a_large_stack, a_layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.locks.freshness import LockState
from venvstacks_rules.model.summary.comparison import compared
from venvstacks_rules.model.summary.drawing import draw_sizes, parts_of, shortened
from venvstacks_rules.model.summary.layer import LockSummary, OwnPackage, SharedPackage
from venvstacks_rules.model.summary.page import render_page
from venvstacks_rules.model.summary.stack import BrokenStackFile, Overview
from venvstacks_rules.model.summary.text import render_text

EVIL = "</title></style><script>x</script>\"'><img src=x onerror=x>&amp;"


class Reader(HTMLParser):
    """Collects elements and text; elements that are not closed in order are an error."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def read(overview: Overview) -> Reader:
    reader = Reader()
    reader.feed(render_page(overview))
    reader.close()
    assert reader.open == []
    return reader


def evil_overview() -> Overview:
    runtime = a_layer(LayerKind.RUNTIME, "py", (), [("numpy", 5)])
    layer = replace(
        a_layer(LayerKind.APPLICATION, "app", [runtime], [("tool", 7)], state=LockState.STALE),
        layer_name=EVIL,
        install_target=EVIL,
        address=f"{EVIL}:{EVIL}",
        place=EVIL,
        description=EVIL,
        python_implementation=EVIL,
        launch_module=EVIL,
        lower=((EVIL, "src/stack:py"), (EVIL, EVIL)),
        lock=LockSummary(LockState.STALE, EVIL, 1, (EVIL,), EVIL, "sha256:1"),
        packages=(OwnPackage(EVIL, EVIL, EVIL, 10**9, 10**9),),
        shared=(SharedPackage(EVIL, EVIL, EVIL),),
        archive_name=EVIL,
        notes=(EVIL,),
    )
    broken = [BrokenStackFile(EVIL, place, (EVIL,)) for place in (EVIL, f"{EVIL}2")]
    return Overview.of(PLATFORM, [runtime, layer], [EVIL], broken)


def test_whatever_a_user_wrote_stays_text() -> None:
    page = render_page(evil_overview())
    assert "<script" not in page
    assert "<img" not in page
    reader = read(evil_overview())
    names = {name for name, _ in reader.elements}
    assert not names & {"script", "img", "iframe", "object", "link", "base", "form"}
    assert not any(key.startswith("on") for _, attributes in reader.elements for key in attributes)
    # In each place where it was put.
    assert reader.text.count(EVIL) > 15


def test_the_page_needs_nothing_else() -> None:
    reader = read(a_large_stack(5, 6))
    for name, attributes in reader.elements:
        assert "src" not in attributes
        assert name != "link"
        assert attributes.get("href", "#").startswith("#")
    page = render_page(a_large_stack(5, 6))
    assert "url(" not in page
    assert "@import" not in page
    assert "://" not in page
    policy = "default-src &#x27;none&#x27;; style-src &#x27;unsafe-inline&#x27;"
    assert f'http-equiv="Content-Security-Policy" content="{policy}"' in page


def test_links_lead_to_layers() -> None:
    reader = read(a_large_stack(15, 34))
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {a["href"][1:] for name, a in reader.elements if name == "a"}
    # One stack needs no list of contents.
    assert links == {f"layer-{i}" for i in range(1, 51)}
    assert links <= set(ids)


def test_links_to_documents_lead_from_the_page_to_the_dist_folder() -> None:
    documents = (("sbom", "dist/a b/x.cdx.json"), ("provenance", "dist/a b/x.provenance.json"))
    layer = replace(a_layer(LayerKind.RUNTIME, "py"), documents=documents)
    page = render_page(Overview.of(PLATFORM, [layer]), "../..")
    assert (
        '<dt>Documents</dt><dd><a href="../../dist/a%20b/x.cdx.json">SBOM</a>, '
        '<a href="../../dist/a%20b/x.provenance.json">provenance</a></dd>'
    ) in page
    text = render_text(Overview.of(PLATFORM, [layer]))
    assert "     SBOM       dist/a b/x.cdx.json\n" in text
    assert "     provenance dist/a b/x.provenance.json\n" in text
    (found,) = Overview.of(PLATFORM, [layer]).to_dict()["stacks"][0]["runtimes"]
    assert found["documents"] == dict(documents)


def test_the_same_bytes_whatever_the_order() -> None:
    overview = a_large_stack(6, 7)
    layers = [layer for stack in overview.stacks for layer in stack.layers]
    assert render_page(Overview.of(PLATFORM, reversed(layers))) == render_page(overview)


def test_titles() -> None:
    assert "<title>Stack src/stack on linux_x86_64</title>" in render_page(a_large_stack(1, 1))
    runtime = a_layer(LayerKind.RUNTIME, "py")
    other = replace(runtime, address="b:py", place="b")
    page = render_page(Overview.of(PLATFORM, [runtime, other]))
    assert "<title>2 stacks on linux_x86_64</title>" in page
    assert re.findall("<h2>(.*?)</h2>", page) == ["b", "src/stack"]
    assert "<title>No stacks on linux_x86_64</title>" in render_page(Overview.of(PLATFORM, []))


def two_stacks() -> Overview:
    runtime = a_layer(LayerKind.RUNTIME, "py", (), [("numpy", 1_000_000)])
    other = replace(
        a_layer(LayerKind.RUNTIME, "py", (), [("scipy", 500_000), ("joblib", 500)]),
        address="b:py",
        place="b",
    )
    return Overview.of(PLATFORM, [runtime, other])


def test_several_stacks_have_a_list_of_contents_with_their_sum() -> None:
    page = render_page(two_stacks())
    table = page[page.index("<nav") : page.index("</nav>")]
    cells = re.sub("<[^>]+>", "|", table)
    assert [text for text in cells.split("|") if text] == [
        *("Contents", "Stack", "Layers", "Download", "Unpacked", "Archive"),
        *("b", "1 layer", "1", "30.5 MB", "91.5 MB", "22.9 MB"),
        *("src/stack", "1 layer", "1", "31.0 MB", "93.0 MB", "23.3 MB"),
        *("Together", "2", "61.5 MB", "184.5 MB", "46.1 MB"),
    ]
    ids = {attributes.get("id") for _, attributes in read(two_stacks()).elements}
    assert set(re.findall('href="#(stack-[0-9]+)"', table)) == {"stack-1", "stack-2"} <= ids


def test_tables_have_a_sum() -> None:
    text = read(two_stacks()).text
    # Of the layers: the number of packages, then sizes.
    assert "Together131.0 MB93.0 MB23.3 MB" in text
    # Of the packages of a layer, with its interpreter and its own files.
    assert "Together31.0 MB93.0 MB" in text


def test_a_sum_with_gaps_says_what_it_is_at_least() -> None:
    runtime = a_layer(LayerKind.RUNTIME, "py", (), [("numpy", 1_000_000)])
    foreign = a_layer(LayerKind.FRAMEWORK, "mac", [runtime], platforms=("macosx_arm64",))
    unbuilt = a_layer(LayerKind.FRAMEWORK, "x", [runtime], [("a", 1_000_000)], built=False)
    text = read(Overview.of(PLATFORM, [runtime, foreign, unbuilt])).text
    assert "Together232.0 MB≥ 93.0 MB≥ 23.3 MB" in text
    foreign = replace(foreign, unpacked_size=None, archive_size=None)
    assert "Together131.0 MB93.0 MB23.3 MB" in read(Overview.of(PLATFORM, [runtime, foreign])).text


def test_bars_are_on_one_scale_for_the_stack() -> None:
    runtime = a_layer(LayerKind.RUNTIME, "py", (), [("numpy", 15_000_000)])
    framework = a_layer(LayerKind.FRAMEWORK, "x", [runtime], [("scipy", 7_500_000)])
    page = render_page(Overview.of(PLATFORM, [runtime, framework]))
    # Unpacked: the interpreter 90 MB, numpy 45 MB, scipy 22.5 MB.
    for name, share in (("(interpreter)", "100.0%"), ("numpy", "50.0%"), ("scipy", "25.0%")):
        row = page[page.index(f'<span class="mono">{name}</span>') :]
        assert re.findall('width:([^"]+)', row)[0] == share


def test_packages_of_several_applications_are_listed() -> None:
    runtime = a_layer(LayerKind.RUNTIME, "py", (), [("numpy", 5)])
    one = a_layer(LayerKind.APPLICATION, "one", [runtime], [("rich", 5), ("alone", 5)])
    two = a_layer(LayerKind.APPLICATION, "two", [runtime], [("rich", 5)])
    text = read(Overview.of(PLATFORM, [runtime, one, two])).text
    assert (
        "Packages that several applications usePackageInstalled inUsed by"
        "numpypy (1.2.3)app-one, app-two"
        "richapp-one (1.2.3), app-two (1.2.3)app-one, app-two" in text
    )
    bare = a_layer(LayerKind.RUNTIME, "py")
    one = a_layer(LayerKind.APPLICATION, "one", [bare], [("alone", 5)])
    two = a_layer(LayerKind.APPLICATION, "two", [bare])
    assert (
        "No package is used by more than one application."
        in read(Overview.of(PLATFORM, [bare, one, two])).text
    )
    assert "several applications" not in read(Overview.of(PLATFORM, [bare, one])).text


def test_changes_come_first() -> None:
    before = a_layer(LayerKind.RUNTIME, "py", (), [("numpy", 5)])
    now = Overview.of(PLATFORM, [a_layer(LayerKind.RUNTIME, "py", (), [("scipy", 5)])])
    old = Overview.of(PLATFORM, [before]).to_json().encode()
    changed = replace(now, comparison=compared(old, now.to_dict(), EVIL))
    text = read(changed).text
    assert f"Changes since {EVIL}py changed (src/stack:py)- numpy 1.2.3+ scipy 1.2.3" in text
    same = replace(now, comparison=compared(now.to_json().encode(), now.to_dict(), "x"))
    assert "Changes since xNothing changed." in read(same).text


def test_what_is_wrong_is_said() -> None:
    layer = a_layer(
        LayerKind.RUNTIME,
        "py",
        state=LockState.STALE,
        reasons=("requirement `a` was added",),
        built=False,
    )
    text = read(Overview.of(PLATFORM, [layer], ["src:x: broken"])).text
    assert (
        "These definitions are invalid, so the page does not show their layers:src:x: broken"
        in text
    )
    assert (
        "Src/stack/requirements/py/pylock.py.toml is stale: requirement `a` was added. Run "
        "./pants generate-lockfiles --resolve=src/stack:py." in text
    )


def test_broken_stack_files_are_where_their_layers_would_be() -> None:
    runtime = a_layer(LayerKind.RUNTIME, "py", (), [("numpy", 5)])
    files = [
        BrokenStackFile("src/stack/x.toml", "src/stack", ("x is wrong",)),
        BrokenStackFile("other/x.toml", "other:stack", ("y is wrong",)),
    ]
    text = read(Overview.of(PLATFORM, [runtime], ["x is wrong", "y is wrong"], files)).text
    assert "other:stackother/x.toml cannot be used, see above." in text
    assert "src/stacksrc/stack/x.toml cannot be used, see above." in text
    assert text.index("y is wrong") < text.index("other:stack")


def test_parts_of_a_layer() -> None:
    runtime = a_layer(LayerKind.RUNTIME, "py", (), [("numpy", 20_000_000)])
    unpacked = [(part.name, part.size) for part in parts_of(runtime, unpacked=True)]
    assert unpacked == [
        ("interpreter", 90_000_000),
        ("numpy", 60_000_000),
        ("own files", 4_000),
    ]
    wheels = [(part.name, part.size) for part in parts_of(runtime, unpacked=False)]
    assert wheels == [("interpreter", 30_000_000), ("numpy", 20_000_000)]


def test_without_sizes_there_is_no_map() -> None:
    layer = a_layer(LayerKind.FRAMEWORK, "x", built=False)
    (stack,) = Overview.of(PLATFORM, [layer]).stacks
    assert draw_sizes(stack, unpacked=False) is None
    assert 'class="map"' not in render_page(Overview.of(PLATFORM, [layer]))


@pytest.mark.parametrize(
    ("text", "room", "expected"),
    [
        ("framework-x", 11, "framework-x"),
        ("framework-x", 10, "frame…rk-x"),
        ("framework-x", 9, "fram…rk-x"),
        ("framework-x", 3, "f…x"),
        ("framework-x", 2, ""),
        ("x", 0, ""),
    ],
)
def test_long_names_lose_their_middle(text: str, room: int, expected: str) -> None:
    assert shortened(text, room * 2.0, 2.0) == expected
    assert len(expected) <= room
