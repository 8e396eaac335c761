from __future__ import annotations

from venvstacks_rules.model.layers.interface import DataFile, PackageFolder
from venvstacks_rules.model.libraries.analyzed import AnalyzedWheel
from venvstacks_rules.model.libraries.layer_packages import layer_data, layer_packages


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


def test_each_data_file_has_the_distribution_of_the_later_wheel() -> None:
    wheels = (
        AnalyzedWheel("One_A-1.0-py3-none-any.whl", (), (), data=("share/a/x", "share/a/y")),
        AnalyzedWheel("two-1.0-py3-none-any.whl", (), (), data=("etc/b", "share/a/y")),
    )
    assert layer_data(wheels) == (
        DataFile("etc/b", "two"),
        DataFile("share/a/x", "one-a"),
        DataFile("share/a/y", "two"),
    )
