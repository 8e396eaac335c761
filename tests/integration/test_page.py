"""The page of ``venvstacks-show`` in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import CHROMIUM, Page, browser
from tests.support.summaries import PLATFORM, a_large_stack, a_layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.summary.page import render_page
from venvstacks_rules.model.summary.stack import Overview

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on PATH")

EVIL = "<script>window.pwned=1</script><img src=x onerror=window.pwned=1>"

# Each gives a list of what is wrong, so that a failure says where.
BOXES_OVERLAP = """
(() => {
  const boxes = [...document.querySelectorAll('.graph .box')]
    .filter(b => b.getClientRects().length).map(b => b.getBoundingClientRect());
  return boxes.flatMap((a, i) => boxes.slice(i + 1).filter(b =>
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom).map(b => [a, b]));
})()
"""
TEXTS_LEAVE_THEIR_BOX = """
(() => {
  const wrong = [];
  const look = (group, frame, texts) => {
    const outer = group.querySelector(frame).getBBox();
    for (const text of texts) {
      const inner = text.getBBox();
      if (inner.x < outer.x || inner.y < outer.y - 0.5
          || inner.x + inner.width > outer.x + outer.width
          || inner.y + inner.height > outer.y + outer.height + 0.5) wrong.push(text.textContent);
    }
  };
  const shown = selector => [...document.querySelectorAll(selector)]
    .filter(e => e.getClientRects().length);
  for (const a of shown('.graph a')) {
    look(a, '.box', a.querySelectorAll('text'));
    const [state, size] = [a.querySelector('.state'), a.querySelector('.size')];
    if (size && state.getBBox().x + state.getBBox().width > size.getBBox().x)
      wrong.push(a.textContent);
  }
  for (const g of shown('.map .region')) {
    look(g, '.frame', g.querySelectorAll('.caption'));
    for (const part of g.querySelectorAll('g')) look(part, '.tile', part.querySelectorAll('text'));
  }
  for (const svg of shown('svg')) {
    const view = svg.viewBox.baseVal;
    for (const shape of svg.querySelectorAll('text, rect, path')) {
      const box = shape.getBBox();
      if (box.x < -0.01 || box.x + box.width > view.width + 0.01
          || box.y < view.y || box.y + box.height > view.y + view.height + 0.01)
        wrong.push(shape.outerHTML);
    }
  }
  return wrong;
})()
"""
TEXTS_LEAVE_THEIR_CELL = """
[...document.querySelectorAll('th, td')].filter(cell => cell.getClientRects().length)
  .filter(cell => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    const [text, outer] = [range.getBoundingClientRect(), cell.getBoundingClientRect()];
    return text.width > 0 && (text.left < outer.left - 0.5 || text.right > outer.right + 0.5);
  }).map(cell => cell.outerHTML)
"""
CUT = """
[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth)
  .map(e => e.textContent)
"""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LOW_CONTRAST = """
(() => {
  const channels = color => color.match(/[0-9.]+/g).map(Number);
  const light = color => channels(color).slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if (channels(color)[3] !== 0) return color;
    }
  };
  const wrong = [];
  const look = (element, text, behind) => {
    const [a, b] = [light(text), light(behind)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (!(ratio >= 4.5)) wrong.push([element.outerHTML.slice(0, 80), text, behind, ratio]);
  };
  for (const e of document.querySelectorAll('h1, p, dt, dd, th, td, a, caption, span, code, li')) {
    if (!e.closest('svg') && e.textContent) look(e, getComputedStyle(e).color, ground(e));
  }
  const fill = e => getComputedStyle(e).fill;
  for (const e of document.querySelectorAll('.graph a text'))
    look(e, fill(e), fill(e.parentElement.querySelector('.box')));
  for (const e of document.querySelectorAll('.graph .kind')) look(e, fill(e), ground(e));
  for (const e of document.querySelectorAll('.label'))
    look(e, fill(e), fill(e.parentElement.querySelector('.tile')));
  return wrong;
})()
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("chromium")) as started:
        yield started


def show(page: Page, folder: Path, overview: Overview, **size: int) -> None:
    file = folder / "stack.html"
    file.write_text(render_page(overview), encoding="utf-8")
    page.open(file, **size)
    assert page.requests == [file.as_uri()]
    assert page.messages == []


@pytest.fixture(params=[(1, 0), (5, 6), (15, 34)], ids=lambda shape: f"{sum(shape) + 1}-layers")
def overview(request: pytest.FixtureRequest) -> Overview:
    return a_large_stack(*request.param)


@pytest.mark.parametrize("width", [1280, 800, 400, 360])
def test_nothing_overlaps_and_all_texts_fit(
    page: Page, tmp_path: Path, overview: Overview, width: int
) -> None:
    page.media()
    show(page, tmp_path, overview, width=width)
    count = sum(len(stack.layers) for stack in overview.stacks)
    for drawing, found in (("wide", width >= 800), ("narrow", width < 800)):
        boxes = f"[...document.querySelectorAll('.graph.{drawing} .box')]"
        visible = f"{boxes}.filter(e => e.getClientRects().length).length"
        assert page.evaluate(visible) == (count if found else 0)
        assert page.evaluate(f"document.querySelectorAll('.map.{drawing} .label').length") > 0
    assert page.evaluate(BOXES_OVERLAP) == []
    assert page.evaluate(TEXTS_LEAVE_THEIR_BOX) == []
    assert page.evaluate(TEXTS_LEAVE_THEIR_CELL) == []
    assert page.evaluate(TOO_WIDE) <= 0
    # Only the graph of many layers is wider than a small window, and a shadow says so.
    if width != 800:
        assert page.evaluate(CUT) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read(page: Page, tmp_path: Path, overview: Overview, scheme: str) -> None:
    page.media(scheme=scheme)
    show(page, tmp_path, overview)
    assert page.evaluate(LOW_CONTRAST) == []
    color = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert color == {"light": "rgb(246, 247, 249)", "dark": "rgb(18, 22, 29)"}[scheme]


def test_paper_is_white(page: Page, tmp_path: Path) -> None:
    page.media(scheme="dark", kind="print")
    show(page, tmp_path, a_large_stack(5, 6))
    color = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(color) == "rgb(255, 255, 255)"
    assert page.evaluate(LOW_CONTRAST) == []


def an_evil_stack() -> Overview:
    runtime = a_layer(LayerKind.RUNTIME, "py", (), [("numpy", 10)])
    evil: dict[str, Any] = {
        "install_target": EVIL,
        "layer_name": EVIL,
        "place": EVIL,
        "description": EVIL,
    }
    layer = replace(a_layer(LayerKind.FRAMEWORK, "x", [runtime], [(EVIL, 10)]), **evil)
    return Overview.of(PLATFORM, [runtime, layer], [EVIL])


def test_what_a_user_wrote_is_shown_and_not_run(page: Page, tmp_path: Path) -> None:
    page.media()
    show(page, tmp_path, an_evil_stack())
    assert page.evaluate("typeof window.pwned") == "undefined"
    assert page.evaluate("document.querySelectorAll('script, img').length") == 0
    assert EVIL in page.evaluate("document.body.innerText")
    assert page.evaluate(BOXES_OVERLAP) == []
    assert page.evaluate(TEXTS_LEAVE_THEIR_BOX) == []


def test_a_script_in_the_page_would_not_run_either(page: Page, tmp_path: Path) -> None:
    page.media()
    file = tmp_path / "stack.html"
    broken = render_page(a_large_stack(1, 1)).replace("</main>", f"{EVIL}</main>")
    file.write_text(broken, encoding="utf-8")
    page.open(file)
    assert page.evaluate("document.querySelectorAll('script, img').length") == 2
    assert page.evaluate("typeof window.pwned") == "undefined"
    assert any("Content Security Policy" in message for message in page.messages)
    page.messages.clear()


def test_the_edges_of_a_box_stand_out_with_the_focus(page: Page, tmp_path: Path) -> None:
    page.media()
    show(page, tmp_path, a_large_stack(5, 6))
    thick = (
        "[...document.querySelectorAll('.graph.wide .edge')]"
        ".filter(e => getComputedStyle(e).strokeWidth === '2.5px').length"
    )
    ends = "document.querySelectorAll('.wide .from-layer-1, .wide .to-layer-1').length"
    assert page.evaluate(thick) == 0
    page.evaluate("document.querySelector('#box-layer-1').focus({focusVisible: true})")
    assert page.evaluate(thick) == page.evaluate(ends) > 1


def test_a_box_leads_to_its_layer(page: Page, tmp_path: Path) -> None:
    page.media()
    show(page, tmp_path, a_large_stack(5, 6))
    page.evaluate("document.querySelector('#box-layer-3').dispatchEvent(new MouseEvent('click'))")
    assert page.evaluate("location.hash") == "#layer-3"
    assert page.evaluate("document.querySelector(':target h3').textContent") == page.evaluate(
        "document.querySelector('#box-layer-3 .name').textContent"
    )


def test_a_screen_reader_finds_its_way(page: Page, tmp_path: Path) -> None:
    page.media()
    show(page, tmp_path, a_large_stack(2, 1))
    assert page.accessible_names("heading") == [
        "Stack src/stack",
        "cpython-3.11",
        "framework-fw0",
        "framework-machine-learning-1",
        "app-application-0",
    ]
    assert (
        "framework-fw0, framework, locked, 143.9 MB unpacked, 36.0 MB archive"
        in page.accessible_names("link")
    )
    assert page.accessible_names("image") == [
        "The sizes of packages in src/stack; the tables below have the numbers"
    ]
    assert page.accessible_names("table")[0] == "All layers, lower ones first"
    assert page.evaluate("document.documentElement.lang") == "en"
