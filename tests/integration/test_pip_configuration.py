"""A machine whose pip is configured for everybody: our goals, and a ``pex_binary`` beside them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.build_root import REPOSITORY, BuildRoot
from tests.support.shared_roots import shared_root
from tests.support.simple_index import package_wheel, simple_index

pytestmark = pytest.mark.timeout(600)

# Processes of Pants have only the variables that it names. A machine has the file in `/etc/xdg`,
# which every pip reads; a test cannot put it there, and lets the variable through instead.
CONFIG = """\
uv_config = "uv.toml"

[subprocess-environment]
env_vars.add = ["XDG_CONFIG_DIRS"]

[python-repos]
find_links = ["file://%(buildroot)s/wheels"]
"""
BUILD = """\
venvstacks_runtime(name="py", python_implementation="cpython@3.9", requirements=["ourtinything"])
venvstacks_application(
    name="app", launch_module="app.py", runtime=":py", requirements=["ourtinything"]
)
python_requirement(name="ourtinything", requirements=["ourtinything"])
python_sources(name="src")
pex_binary(name="tool", entry_point="app.py")
"""
PAGE = REPOSITORY / "docs" / "how-to" / "troubleshooting.md"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuildRoot]:
    folder = tmp_path_factory.mktemp("pip")
    machine = folder / "etc" / "xdg"
    (machine / "pip").mkdir(parents=True)
    (machine / "constraints.txt").write_text("ourtinything==0.0.1\n")
    (machine / "pip" / "pip.conf").write_text(f"[global]\nconstraint = {machine}/constraints.txt\n")
    # Other build roots have the documented setting.
    environment = {
        "XDG_CONFIG_DIRS": str(machine),
        "PANTS_SUBPROCESS_ENVIRONMENT_ENV_VARS": "+[]",
    }
    wheels = package_wheel("ourtinything")
    with (
        simple_index(wheels) as index,
        shared_root(config=CONFIG, environment=environment) as made,
    ):
        made.write("uv.toml", index.uv_config)
        made.write("s/BUILD", BUILD)
        made.write("s/app.py", "import ourtinything\nprint('version', ourtinything.VERSION)\n")
        for name, content in wheels.items():
            made.write(f"wheels/{name}", content)
        yield made


def test_goals_of_layers_do_not_read_it(root: BuildRoot) -> None:
    root.succeed("generate-lockfiles", "--resolve=s:py")
    root.succeed("package", "s:py", "s:app")
    root.succeed("test", "s:app")
    root.succeed("venvstacks-export", "s:app")
    root.succeed("venvstacks-show", "s:app")
    assert root.succeed("run", "s:app").stdout == "version 1.0\n"


@pytest.mark.slow
def test_targets_of_pants_beside_them_need_the_documented_setting(
    root: BuildRoot, tmp_path: Path
) -> None:
    refused = root.pants("package", "s:tool")
    assert refused.code == 1
    assert "The user requested (constraint) ourtinything==0.0.1" in refused.stderr
    setting = re.search(r'env_vars\.add = \["(PIP_\w+=.*?)"\]', PAGE.read_text(encoding="utf-8"))
    assert setting is not None
    root.succeed(f"--subprocess-environment-env-vars={setting[1]}", "package", "s:tool")
    pex = root.path / "dist" / "s" / "tool.pex"
    done = subprocess.run(
        [sys.executable, str(pex)],
        env={"PEX_ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "version 1.0\n"
