"""The subprocess wrapper: outcomes, messages, and no process left behind."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from generator.errors import ToolError
from generator.tools.run import check, require_tool, run_command


def test_outputs_and_return_code_are_kept_apart(tmp_path: Path) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    done = run_command([sys.executable, "-c", code], tmp_path, timeout_s=30)
    assert (done.returncode, done.stdout, done.stderr, done.output) == (3, "out\n", "err\n", "out\nerr\n")
    assert 0 < done.seconds < 30


def test_environment_adds_to_the_present_one(tmp_path: Path) -> None:
    code = "import os; print(os.environ['TAILOR_PROBE'], 'PATH' in os.environ, os.getcwd())"
    done = run_command([sys.executable, "-c", code], tmp_path, env={"TAILOR_PROBE": "7"}, timeout_s=30)
    assert done.stdout == f"7 True {tmp_path}\n"


def test_missing_executable_names_it_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ToolError) as caught:
        run_command(["no-such-tool", "-v"], tmp_path, hint="install no-such-tool 2 or newer")
    assert str(caught.value) == (
        "tool 'no-such-tool': expected an executable on PATH, found none; install no-such-tool 2 or newer"
    )
    with pytest.raises(ToolError, match=r"^tool 'x-y': expected an executable on PATH, found none; build it$"):
        require_tool("x-y", "build it")


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolError) as caught:
        run_command([sys.executable], tmp_path / "gone")
    assert str(caught.value) == (
        f"tool {sys.executable!r}: cannot be started in {tmp_path / 'gone'} (No such file or directory)"
    )


def test_timeout_stops_children_of_children_and_keeps_the_log(tmp_path: Path) -> None:
    code = (
        "import pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "pathlib.Path('child').write_text(str(child.pid))\n"
        "print('waiting', flush=True)\n"
        "time.sleep(60)\n"
    )
    log = tmp_path / "logs" / "tool.log"
    with pytest.raises(ToolError) as caught:
        run_command([sys.executable, "-c", code], tmp_path, timeout_s=1.0, log=log)
    name = Path(sys.executable).name
    assert str(caught.value) == f"tool {name!r}: did not end within 1 s and was stopped; see {log}"
    assert "waiting" in log.read_text()
    assert not _alive(int((tmp_path / "child").read_text()))


def test_check_shows_the_end_of_the_output(tmp_path: Path) -> None:
    good = run_command([sys.executable, "-c", ""], tmp_path)
    assert check(good, "probe") is good
    code = "import sys; [print('line', i, file=sys.stderr) for i in range(20)]; sys.exit(4)"
    bad = run_command([sys.executable, "-c", code], tmp_path)
    with pytest.raises(ToolError) as caught:
        check(bad, "synthesis of stage 'conv1'", tmp_path / "all.log")
    lines = "\n".join(f"  line {i}" for i in range(12, 20))
    assert str(caught.value) == (
        f"synthesis of stage 'conv1': {Path(sys.executable).name!r} ended with 4 (all of it in {tmp_path}/all.log):\n"
        + lines
    )


def _alive(pid: int) -> bool:
    """Whether a process still runs, given a moment to go (a zombie counts as gone)."""
    for _ in range(50):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return False
        except (ProcessLookupError, FileNotFoundError):
            return False
        time.sleep(0.05)
    return True


def test_another_thread_can_stop_a_command(tmp_path: Path) -> None:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    begin = time.monotonic()
    with pytest.raises(ToolError) as caught:
        run_command([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path, timeout_s=50, stop=stop)
    assert str(caught.value) == f"tool {Path(sys.executable).name!r}: was stopped"
    assert time.monotonic() - begin < 10
