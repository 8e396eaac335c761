"""The page about the linter shows what it says of such layers."""

from __future__ import annotations

from pathlib import Path

from tests.support.advice import application, definitions_of, framework, linted, own, runtime
from tests.support.documented import Command, steps
from venvstacks_rules.model.advice.contents import content_findings
from venvstacks_rules.model.advice.findings import Ignored, findings_text
from venvstacks_rules.model.advice.sharing import sharing_findings
from venvstacks_rules.model.advice.unused import CodeUse, unused_findings
from venvstacks_rules.model.contents.ballast import TESTS, Ballast

PAGE = Path(__file__).resolve().parents[2] / "docs/how-to/lint.md"
RELOCK = "pants generate-lockfiles"
LAYERS = linted(
    runtime(),
    framework("sklearn", requirements=("scikit-learn",)),
    application("report", "sklearn", requirements=("opencv-python", "rich", "tabulate")),
    application("serve", "sklearn", requirements=("rich",)),
    packages={
        "report": (
            own("opencv-python==4.10.0.84", 62_500_000),
            own("rich==13.7.1", 240_700),
            own("tabulate==0.9.0", 35_200),
        ),
        "serve": (own("rich==13.7.1", 240_700),),
    },
    ballast={"sklearn": {"scipy": (Ballast(TESTS, "tests", 421, 14_500_000),)}},
)


def test_the_how_to() -> None:
    first, unused = (
        step for step in steps(PAGE.read_text(encoding="utf-8")) if isinstance(step, Command)
    )
    found = [
        # The sizes that the options have by themselves.
        *sharing_findings(LAYERS, definitions_of(LAYERS), heavy_size=50_000_000, ignored=Ignored()),
        *content_findings(LAYERS, least=1_000_000, ignored=Ignored()),
    ]
    said = findings_text(found, (), RELOCK).replace("src:", "src/ml:")
    assert said.splitlines() == first.expected[1:]
    use = CodeUse(
        modules=(("opencv-python", ("cv2",)), ("rich", ("rich",)), ("tabulate", ("tabulate",))),
        commands=(("opencv-python", ()), ("rich", ()), ("tabulate", ("tabulate",))),
        words=frozenset({"cv2", "rich"}),
    )
    uses = {**{layer.address: CodeUse() for layer in LAYERS}, "src:report": use}
    (finding,) = unused_findings(LAYERS, uses, ignored=Ignored())
    assert [line.replace("src:", "src/ml:") for line in finding.lines] == unused.expected[1:]
