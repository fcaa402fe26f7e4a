"""The benchmarks start; what they measure is not for tests."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"

# One process for all, since imports are what takes time.
START = """
import runpy
import sys

for script in sys.argv[1:]:
    sys.argv = [script, "--help"]
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as exit:
        assert not exit.code, script
"""


def test_each_script_explains_itself():
    scripts = sorted(FOLDER.glob("[!_]*.py"))
    assert FOLDER / "suite.py" in scripts
    # As each would find its neighbours: in the folder where the script is.
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", START, *scripts],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("usage: ") == len(scripts)
