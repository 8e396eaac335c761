from __future__ import annotations

from venvstacks_rules.model.layers.interface import PackageFolder
from venvstacks_rules.model.libraries.analyzed import AnalyzedWheel
from venvstacks_rules.model.libraries.layer_packages import layer_packages


def test_each_folder_has_the_distributions_of_all_wheels() -> None:
    wheels = (
        AnalyzedWheel("Ns_A-1.0-py3-none-any.whl", (), (), packages=("ns", "ns.a")),
        AnalyzedWheel("ns.b-1.0-py3-none-any.whl", (), (), namespaces=("ns",)),
        AnalyzedWheel("plain-1.0-py3-none-any.whl", ("plain",), ()),
    )
    assert layer_packages(wheels) == (
        PackageFolder("ns", True, ("ns-a", "ns-b")),
        PackageFolder("ns.a", True, ("ns-a",)),
    )
