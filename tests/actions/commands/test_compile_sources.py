from __future__ import annotations

import sys
from pathlib import Path

from venvstacks_rules.actions.commands import compile_sources
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.tools import CompiledSources, CompileSourcesRequest


def test_byte_code_lies_where_python_looks_for_it(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    (sources / "pkg/room").mkdir(parents=True)
    for name in ("__main__.py", "pkg/__init__.py", "pkg/room/a.py", "pkg/notes.txt"):
        (sources / name).write_text("")
    output = tmp_path / "out"
    request = CompileSourcesRequest(str(sources), str(output))
    assert compile_sources.run(to_json(request)) == CompiledSources(3)
    tag = sys.implementation.cache_tag
    found = {path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file()}
    assert found == {
        f"__pycache__/__main__.{tag}.pyc",
        f"pkg/__pycache__/__init__.{tag}.pyc",
        f"pkg/room/__pycache__/a.{tag}.pyc",
    }
