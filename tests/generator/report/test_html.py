"""The page: self-contained, complete, deterministic, and clear about what is missing."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from generator.errors import OutputError, SourceError
from generator.report.entries import DesignEntry, load_entry
from generator.report.html import write_report
from tests.generator.report.report_samples import write_sample


class _Page(HTMLParser):
    """Collects texts, references and whether every tag is closed in order."""

    void = frozenset({"meta", "link", "input", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.void:
            self.open.append(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style",):
            self.texts.append(data.strip())


@pytest.fixture
def entries(tmp_path: Path) -> list[DesignEntry]:
    return [load_entry(path) for path in write_sample(tmp_path).values()]


def test_one_file_that_loads_nothing(entries: list[DesignEntry], tmp_path: Path) -> None:
    out = write_report(entries, tmp_path / "deep" / "report.html")
    text = out.read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    assert page.open == []
    assert page.references == []
    assert not re.search(r"https?:|@import|url\((?!#)|<script", text)
    assert [entry.name for entry in out.parent.iterdir()] == ["report.html"]
    assert str(tmp_path) not in text


def test_every_figure_is_there(entries: list[DesignEntry], tmp_path: Path) -> None:
    page = _Page()
    page.feed(write_report(entries, tmp_path / "report.html").read_text(encoding="utf-8"))
    shown = set(page.texts)
    for entry in entries:
        assert f"{entry.accuracy_fixed:.2f}" in shown
        assert f"{entry.results['yosys']['lut']:,}" in shown
        assert f"{entry.results['cosim']['latency_cycles']:,}" in shown
        for stage in entry.design["stages"]:
            assert stage["name"] in shown
        for stream in entry.design["streams"]:
            assert stream["name"] in shown
    assert "Every integer that was compared equals PyTorch's." in shown
    assert "0 mismatches in 797 frames" in shown
    assert "yosys synthesis, sum of stages, family xcup" in shown
    assert not {"None", "nan", "null"} & shown


def test_drawings_are_well_formed_and_name_every_stream_once(entries: list[DesignEntry], tmp_path: Path) -> None:
    text = write_report(entries, tmp_path / "report.html").read_text(encoding="utf-8")
    drawings = [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]
    assert len(drawings) == 2 + len(entries)
    for entry, drawing in zip(entries, drawings[2:], strict=True):
        titles = [title.text or "" for title in drawing.iter("title")]
        for stream in entry.design["streams"]:
            assert sum(title.startswith(f"{stream['name']}: ") for title in titles) == 1
        for stage in entry.design["stages"]:
            assert sum(title.startswith(f"{stage['name']}: ") for title in titles) == 1


def test_same_input_same_bytes(entries: list[DesignEntry], tmp_path: Path) -> None:
    first = write_report(entries, tmp_path / "a.html").read_bytes()
    assert write_report(entries, tmp_path / "b.html").read_bytes() == first


def test_designs_without_results_show_dashes(tmp_path: Path) -> None:
    project = write_sample(tmp_path, depth=8, results=False)["T"]
    for name in ("metrics.csv", "model.safetensors"):
        (tmp_path / "runs" / "T" / "float" / name).unlink()
    text = write_report([load_entry(project)], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "No comparison with PyTorch has been run." in text
    assert "interval, cycles (predicted)" in text
    assert '<figure class="chart">' not in text
    assert "not run" in text
    assert "<h2>Accuracy</h2>" not in text
    assert "BRAM36 (predicted)" in text


def test_mismatches_are_not_hidden(tmp_path: Path) -> None:
    projects = write_sample(tmp_path, depth=8)
    (projects["S"] / "build" / "results" / "csim.json").write_text(json.dumps({"frames": 50, "mismatches": 3}))
    text = write_report([load_entry(p) for p in projects.values()], tmp_path / "r.html").read_text(encoding="utf-8")
    assert "3 integers differ from PyTorch&#39;s." in text
    assert 'class="verdict bad"' in text


def test_names_are_escaped(tmp_path: Path) -> None:
    project = write_sample(tmp_path, depth=8)["T"]
    text = write_report([load_entry(project, label="<b>&")], tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<b>&" not in text.replace("<b>&lt;b&gt;&amp;", "")
    assert "&lt;b&gt;&amp;" in text


def test_wrong_input_is_refused(entries: list[DesignEntry], tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        write_report([], tmp_path / "r.html")
    assert str(caught.value) == "report: expected at least one design, got none"
    with pytest.raises(SourceError) as caught:
        write_report([entries[0], entries[0]], tmp_path / "r.html")
    assert str(caught.value) == "report: two designs are called T; name folders that differ"
    (tmp_path / "file").write_text("")
    with pytest.raises(
        OutputError, match=r"^report .*/file/r\.html: cannot be written \((File exists|Not a directory)\)$"
    ):
        write_report(entries, tmp_path / "file" / "r.html")
    with pytest.raises(SourceError) as caught:
        load_entry(tmp_path)
    assert str(caught.value) == (f"report: {tmp_path} holds no design.json; name a folder that tailor generate wrote")
