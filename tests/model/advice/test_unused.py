"""Requirements that no code names."""

from __future__ import annotations

from tests.support.advice import application, framework, linted, own, runtime
from venvstacks_rules.model.advice.findings import Ignored
from venvstacks_rules.model.advice.unused import CodeUse, unused_findings
from venvstacks_rules.model.contents.wheel_metadata import WheelMetadata, WheelRequirement
from venvstacks_rules.model.libraries.analyzed import AnalyzedWheel


def wheel(name: str, *modules: str, requires: str = "", command: str = "") -> AnalyzedWheel:
    parsed = WheelRequirement.parsed(requires) if requires else None
    return AnalyzedWheel(
        f"{name}-1.0-py3-none-any.whl",
        modules,
        (),
        scripts=((command, f"{name}:main"),) if command else (),
        metadata=WheelMetadata(requires=(parsed,) if parsed else ()),
    )


def listed(
    wheels: tuple[AnalyzedWheel, ...],
    *requirements: str,
    code: str = "",
    above: str = "",
    **fields: object,
) -> list[str]:
    layers = linted(
        runtime(),
        framework("fw", requirements=requirements),
        application("app", "fw", **fields),
        packages={"fw": (own("beautifulsoup4", 3000), own("six"))},
    )
    uses = {layer.address: CodeUse() for layer in layers}
    uses[layers[1].address] = CodeUse.of(wheels, [code])
    uses[layers[2].address] = CodeUse.of((), [above])
    found = unused_findings(layers, uses, ignored=Ignored(("unused-requirements:quiet",)))
    return [line for each in found for line in each.lines]


SOUP = wheel("beautifulsoup4", "bs4", "bs4.dammit")


def test_one_that_no_code_names() -> None:
    assert listed((SOUP, wheel("six", "six")), "BeautifulSoup4>=4", "six", code="import six") == [
        "src:fw: no code names a module of `beautifulsoup4`, which the layer requires; plugins and "
        "commands may do without. This saves 3.0 kB of wheels. [unused-requirements]",
        '    src:fw: requirements=["six"]',
    ]


def test_a_name_in_the_layer_or_above_is_enough() -> None:
    for text in ("import bs4.x as y", "x = 'bs4:main'", "[plugins]\nbs4 = 1"):
        assert listed((SOUP,), "beautifulsoup4", code=text) == []
        assert listed((SOUP,), "beautifulsoup4", above=text) == []
    assert listed((SOUP,), "beautifulsoup4", above="import bs45") != []


def test_what_else_needs_it() -> None:
    code = "import os"
    other = wheel("other", "os", requires="beautifulsoup4")
    assert listed((SOUP, other), "beautifulsoup4", code=code) == []
    assert listed((wheel("quiet", "quiet"),), "quiet", code=code) == []
    server = wheel("server", "server", command="serve")
    assert listed((server,), "server", code=code, console_scripts=("serve",)) == []
    assert listed((server,), "server", code=code) != []


def test_without_code_nothing_is_known() -> None:
    assert listed((SOUP,), "beautifulsoup4") == []
    # A layer below provides it.
    assert listed((), "beautifulsoup4", code="import os") == []
