from __future__ import annotations

import hashlib
import json
import shutil
import stat
import subprocess
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.layer_parts import LEVELS, TARGET, layer_parts
from tests.support.wheels import FILE_NAME, decompressed
from venvstacks_rules.actions.commands import assemble_archive, file_segment
from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.files import OwnFile, OwnLink
from venvstacks_rules.model.contents.segment_index import IndexHeader, SegmentIndex
from venvstacks_rules.model.errors import ArchiveError, RequestError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.assemble import AssembleArchiveRequest, AssembledArchive
from venvstacks_rules.model.requests.segments import FileSegmentRequest

DEMO = "lib/python3.11/site-packages/demo.py"
CANNOT = (
    "The archive of `//demo:demo` for linux_x86_64 cannot be assembled: it could not be unpacked. "
    "Change or leave out the named files, or narrow `platforms`."
)
DAMAGED = (
    "The archive of `//demo:demo` for linux_x86_64 cannot be assembled: its segments are damaged."
)


def make_request(folder: Path, archive_format: str = "tar.zst") -> AssembleArchiveRequest:
    parts = layer_parts(folder, archive_format)
    metadata = {
        "layer_name": TARGET,
        "target_platform": "linux_x86_64",
        "archive_size": "ours wins",
    }
    return AssembleArchiveRequest(
        **{**parts, "metadata": metadata},
        archive=str(folder / f"dist/{TARGET}.{archive_format}"),
        metadata_file=str(folder / f"dist/{TARGET}.json"),
        segments_file=str(folder / f"dist/{TARGET}.segments.json"),
    )


def run(request: AssembleArchiveRequest) -> AssembledArchive:
    return assemble_archive.run(to_json(request))


def problems(request: AssembleArchiveRequest, summary: str = CANNOT) -> list[str]:
    with pytest.raises(ArchiveError) as caught:
        run(request)
    assert caught.value.summary == summary
    folder = Path(request.archive).parent
    assert not folder.exists() or list(folder.iterdir()) == []
    return list(caught.value.problems)


def text(path: str | None) -> str:
    assert path is not None
    return Path(path).read_text("utf-8")


def index_of(request: AssembleArchiveRequest) -> SegmentIndex:
    return SegmentIndex.from_dict(json.loads(text(request.segments_file)))


def listing_only(request: AssembleArchiveRequest) -> AssembleArchiveRequest:
    """What a caller asks for that hashes the archive."""
    listing_file = str(Path(request.archive).with_name("listing.json"))
    return replace(request, metadata_file=None, segments_file=None, listing_file=listing_file)


EXPECTED = [
    (f"{TARGET}/bin/python3.11", 0o755),
    (f"{TARGET}/bin/python3", 0o777),
    (f"{TARGET}/lib/python3.11/site-packages/demo-1.0.dist-info/INSTALLER", 0o644),
    (f"{TARGET}/lib/python3.11/site-packages/demo-1.0.dist-info/METADATA", 0o644),
    (f"{TARGET}/lib/python3.11/site-packages/demo-1.0.dist-info/WHEEL", 0o644),
    (f"{TARGET}/{DEMO}", 0o644),
    (f"{TARGET}/lib/python3.11/site-packages/demo-1.0.dist-info/RECORD", 0o644),
    (f"{TARGET}/bin/python", 0o777),
    (f"{TARGET}/bin/python_w", 0o755),
    (f"{TARGET}/postinstall.py", 0o644),
]


@pytest.mark.parametrize("archive_format", ["tar.xz", "tar.gz"])
def test_python_unpacks_the_concatenation(tmp_path: Path, archive_format: str) -> None:
    request = make_request(tmp_path, archive_format)
    run(request)
    with tarfile.open(request.archive) as archive:
        assert [(info.name, info.mode) for info in archive] == EXPECTED
        stream = archive.extractfile(f"{TARGET}/bin/python_w")
        assert stream is not None
        assert stream.read() == "#!/bin/bash\nü\n".encode()


TOOLS = {"tar.zst": "zstd", "tar.xz": "xz", "tar.gz": "gzip"}
COMMANDS = [
    *(("tar", name) for name in TOOLS),
    *(("bsdtar", name) for name in LEVELS),
    ("unzip", "zip"),
    ("7zz", "zip"),
]


@pytest.mark.parametrize(("program", "archive_format"), COMMANDS)
def test_other_programs_unpack_the_concatenation(
    tmp_path: Path, archive_format: str, program: str
) -> None:
    for tool in (program, TOOLS.get(archive_format, program)):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    request = make_request(tmp_path, archive_format)
    run(request)
    arguments = {
        "unzip": ["-q", request.archive, "-d", str(tmp_path)],
        # As with tar archives, it wants to be told that links to another layer are fine.
        "7zz": ["x", "-snld20", "-bso0", "-bsp0", f"-o{tmp_path}", request.archive],
    }.get(program, ["-xf", request.archive, "-C", str(tmp_path)])
    done = subprocess.run([program, *arguments], capture_output=True, check=True)
    assert done.stderr == b""
    assert (tmp_path / TARGET / "bin/python3.11").stat().st_mode & 0o777 == 0o755
    link = tmp_path / TARGET / "bin/python"
    assert str(link.readlink()) == "../../cpython/bin/python3.11"
    assert (tmp_path / TARGET / DEMO).read_bytes() == b"import rich\n"
    assert (tmp_path / TARGET / "postinstall.py").read_bytes() == b"print()\n"
    assert (tmp_path / TARGET / "bin/python3").read_bytes() == b"elf"


def test_metadata_and_index_describe_the_archive(tmp_path: Path) -> None:
    request = make_request(tmp_path)
    result = run(request)
    data = Path(request.archive).read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    assert result == AssembledArchive(
        len(data), sha256, unpacked_size=len(decompressed(Path(request.archive)))
    )
    assert text(request.metadata_file) == (
        "{\n"
        '  "archive_build": 1,\n'
        '  "archive_hashes": {\n'
        f'    "sha256": "{sha256}"\n'
        "  },\n"
        f'  "archive_name": "{TARGET}.tar.zst",\n'
        f'  "archive_size": {len(data)},\n'
        f'  "layer_name": "{TARGET}",\n'
        '  "target_platform": "linux_x86_64"\n'
        "}\n"
    )
    index = index_of(request)
    assert [segment.source for segment in index.segments] == ["interpreter", FILE_NAME, "layer"]
    for segment in index.segments:
        piece = data[segment.offset : segment.offset + segment.size]
        assert hashlib.sha256(piece).hexdigest() == segment.sha256
    assert (index.archive_size, index.archive_sha256) == (len(data), sha256)
    assert [f"{TARGET}/{file.path}" for s in index.segments for file in s.files] == [
        name for name, _mode in EXPECTED
    ]
    assert sorted(path.name for path in Path(request.archive).parent.iterdir()) == [
        f"{TARGET}.json",
        f"{TARGET}.segments.json",
        f"{TARGET}.tar.zst",
    ]


def test_bytes_do_not_depend_on_the_folder(tmp_path: Path) -> None:
    requests = []
    for name in ("one", "another"):
        (tmp_path / name).mkdir()
        requests.append(make_request(tmp_path / name))
        run(requests[-1])
    for attribute in ("archive", "metadata_file", "segments_file"):
        first, second = (Path(getattr(r, attribute)).read_bytes() for r in requests)
        assert first == second


def edit(path: str, change: dict[str, Any]) -> None:
    data = json.loads(Path(path).read_text())
    data["segments"][0].update(change)
    Path(path).write_text(json.dumps(data))


def test_damaged_segments_are_all_reported(tmp_path: Path) -> None:
    request = make_request(tmp_path)
    edit(request.results[1], {"sha256": "0" * 64})
    actual = hashlib.sha256((tmp_path / "wheels/demo.seg").read_bytes()).hexdigest()
    (tmp_path / "python/python.seg").write_bytes(b"short")
    size = json.loads(Path(request.results[0]).read_text())["segments"][0]["size"]
    assert problems(request, DAMAGED) == [
        f"the segment of `interpreter` has 5 bytes, expected {size}",
        f"the segment of `{FILE_NAME}` has SHA-256 {actual}, expected {'0' * 64}",
    ]


def test_a_caller_may_know_the_hashes_of_the_segments(tmp_path: Path) -> None:
    request = make_request(tmp_path, "zip")
    edit(request.results[1], {"sha256": "0" * 64})
    run(replace(request, segments_are_checked=True))
    assert index_of(request).segments[1].sha256 == "0" * 64
    # What shows without a second look is reported all the same.
    request = make_request(tmp_path / "other", "zip")
    edit(request.results[1], {"size": 7})
    size = (tmp_path / "other/wheels/demo.seg").stat().st_size
    assert problems(
        replace(request, segments_are_checked=True),
        DAMAGED,
    ) == [f"the segment of `{FILE_NAME}` has {size} bytes, expected 7"]


def test_a_caller_may_hash_the_archive(tmp_path: Path) -> None:
    ours = make_request(tmp_path / "ours", "zip")
    callers = listing_only(make_request(tmp_path / "callers", "zip"))
    sha256 = run(ours).sha256
    assert sha256 == hashlib.sha256(Path(ours.archive).read_bytes()).hexdigest()
    with zipfile.ZipFile(ours.archive) as archive:
        # The content of a link is its target.
        files = [i for i in archive.infolist() if not stat.S_ISLNK(i.external_attr >> 16)]
        unpacked = sum(info.file_size for info in files)
    assert run(callers) == AssembledArchive(Path(ours.archive).stat().st_size, None, unpacked)
    assert Path(callers.archive).read_bytes() == Path(ours.archive).read_bytes()
    # It can write the same index.
    index = index_of(ours)
    header = IndexHeader(
        install_target=TARGET,
        archive_name=f"{TARGET}.zip",
        archive_size=index.archive_size,
        archive_sha256=sha256,
        archive_format="zip",
        compression_level=LEVELS["zip"],
    )
    listing = Path(callers.listing_file or "")
    assert header.index_json(listing.read_text("utf-8")) == text(ours.segments_file)
    written = sorted(path.name for path in Path(callers.archive).parent.iterdir())
    assert written == [f"{TARGET}.zip", "listing.json"]


def test_a_hash_is_checked_though_the_caller_hashes_the_archive(tmp_path: Path) -> None:
    request = listing_only(make_request(tmp_path, "zip"))
    # The first one, whose hash is otherwise that of the archive so far.
    result = Path(request.results[0])
    data = json.loads(result.read_text())
    data["segments"][0]["sha256"] = "1" * 64
    result.write_text(json.dumps(data))
    actual = hashlib.sha256((tmp_path / "python/python.seg").read_bytes()).hexdigest()
    assert problems(request, DAMAGED) == [
        f"the segment of `interpreter` has SHA-256 {actual}, expected {'1' * 64}",
    ]


def test_segments_of_another_format_are_refused(tmp_path: Path) -> None:
    request = make_request(tmp_path, "tar.gz")
    zipped = replace(request, compression=Compression("zip", 6))
    assert problems(zipped, "The segment of `interpreter` does not consist of its files.") == [
        "expected the entry of `bin/python3.11` at 0"
    ]


def test_missing_segment(tmp_path: Path) -> None:
    request = make_request(tmp_path)
    (tmp_path / "wheels/demo.seg").unlink()
    assert problems(request, DAMAGED) == [
        f"the segment of `{FILE_NAME}` cannot be read: No such file or directory"
    ]


def test_clashes_with_the_layers_own_files(tmp_path: Path) -> None:
    request = replace(
        make_request(tmp_path),
        files=(OwnFile(DEMO, text=""), OwnFile(f"{DEMO}/x", text=""), OwnFile("same", text="")),
        links=(OwnLink("same", "x"),),
    )
    assert problems(request) == [
        f"`{DEMO}` is a file of `{FILE_NAME}` and of the layer itself",
        "`same` is a file of `layer` and of the layer itself",
        f"`{DEMO}` is a file of `layer` and a folder of `layer`",
    ]


def test_large_own_files_are_own_files(tmp_path: Path) -> None:
    """They have segments, but no package overwrites them, and they overwrite none."""
    request = make_request(tmp_path)
    (tmp_path / "large").mkdir()
    (tmp_path / "large/model").write_bytes(b"weights")
    results = []
    for number, path in enumerate((DEMO, "new", "same")):
        made = file_segment.run(
            to_json(
                FileSegmentRequest(
                    OwnFile(path, source=str(tmp_path / "large/model")),
                    TARGET,
                    request.compression,
                    str(tmp_path / f"large/{number}"),
                )
            )
        )
        result = tmp_path / f"large/{number}.json"
        result.write_text(to_json(made))
        results.append(str(result))
    with_them = replace(
        request,
        results=(*request.results, *results),
        files=(*request.files, OwnFile("same", text="")),
    )
    assert problems(with_them) == [
        f"`{DEMO}` is a file of `{FILE_NAME}` and of the layer itself",
        "`same` is a file of `layer` and of the layer itself",
    ]
    run(replace(request, results=(*request.results, results[1])))
    index = json.loads(Path(request.segments_file or "").read_text())
    own = [segment["files"] for segment in index["segments"] if segment["source"] == "layer"]
    assert [file["path"] for file in own[0]] == ["new"]
    assert len(own) == 2


def test_own_files_have_safe_paths_and_one_content(tmp_path: Path) -> None:
    request = replace(
        make_request(tmp_path),
        files=(OwnFile("../x", text=""), OwnFile("none"), OwnFile("two", text="", source="y")),
        links=(OwnLink("l", "../../x/../../y"), OwnLink("m", "/etc")),
    )
    assert problems(request) == [
        "`../x`: the path contains `..`",
        "`none`: set exactly one of `text` and `source`",
        "`two`: set exactly one of `text` and `source`",
        "`l`: the link's target is outside of the layers' folder: `../../x/../../y`",
        "`m`: the link's target is not a relative path: `/etc`",
    ]


def test_the_same_file_in_two_wheels_is_accepted(tmp_path: Path) -> None:
    request = make_request(tmp_path)
    run(replace(request, results=(*request.results, request.results[1])))
    assert [s.source for s in index_of(request).segments][1:3] == [FILE_NAME, FILE_NAME]


def test_result_that_is_no_json(tmp_path: Path) -> None:
    request = make_request(tmp_path)
    Path(request.results[0]).write_text("{")
    with pytest.raises(RequestError, match=r"result\.json`: not JSON: "):
        run(request)
