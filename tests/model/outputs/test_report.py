"""What people are told of an archive that was packaged."""

from __future__ import annotations

from venvstacks_rules.model.outputs.report import ArchiveReport


def test_a_report_has_the_size_the_hash_and_the_segments() -> None:
    report = ArchiveReport(size=69_100_000, sha256="ab" * 32, segments=13, built=2)
    assert report.lines == (f"69.1 MB, sha256 {'ab' * 32}", "segments: 11 reused, 2 built")
    assert report.short == "69.1 MB, segments: 11 reused, 2 built"
