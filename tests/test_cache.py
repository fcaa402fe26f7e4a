"""Compiled code on disk: whatever state it is in, fits work, with the same bits.

Each test runs new Python processes, and looks at what they had to compile.
"""

import ctypes
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core.caching import _CacheLocator

import skrnn

PACKAGE = Path(skrnn.__file__).parent

RECORDED = """
import numpy as np
from numba.core import event
from skrnn import RNNRegressor
from skrnn.backends.cpu import shard
from skrnn.mathematics import gradients
from skrnn.mathematics.optimizers import adam

def work():
{}
with event.install_recorder("numba:compile") as compiled:
    work()
for _, one in compiled.buffer:
    print(one.data["dispatcher"].py_func.__name__)
"""

FIT = RECORDED.format("""
    X = np.random.default_rng(0).standard_normal((8, 5, 1))
    estimator = RNNRegressor("rnn", 2, max_iter=2, random_state=0).fit(X, X[:, 0, 0])
    print(estimator.predict(X).tobytes().hex())
    for function in (shard.train_shards, gradients.clip_norm, adam.adam_step):
        print(function.stats.cache_path)
""")
#: Of all functions that are kept, those that the fit needs: entry points and units.
ENTRIES = {"train_shards", "predict_shards", "add_l2", "clip_norm", "adam_step"}
UNITS = {"new_work", "window_of", "forward_window", "backward_window"}
UNITS |= {"head_gradient", "write_head_outputs"}
KEPT = ENTRIES | UNITS
#: Where those are whose path is printed.
FOLDERS = ("backends/cpu", "mathematics", "mathematics/optimizers")

#: A function that is soon compiled.
CLIP = RECORDED.format("""
    for dtype in (np.float64,):
        gradient = np.array([3, 4], dtype)
        norm = gradients.clip_norm(gradient, 2.5)
        print(norm, *gradient)
""")
CLIPPED = ["5.0 1.5 2.0"]
#: Two signatures of it.
CLIP_BOTH = CLIP.replace("(np.float64,)", "(np.float64, np.float32)")

needs_permissions = pytest.mark.skipif(
    sys.platform != "linux", reason="permissions are tested on Linux"
)


def heed_permissions():
    """Let permissions count for root as well: give up what overrides them."""
    drop, override, override_to_read = 24, 1, 2
    for capability in (override, override_to_read):
        ctypes.CDLL(None).prctl(drop, capability, 0, 0, 0)


def start(script, package=PACKAGE, **environment):
    """Start a new Python process that runs a script, with this copy of the package."""
    others = os.environ | {"PYTHONPATH": str(package.parent)}
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        others.pop(name, None)
    is_root = sys.platform == "linux" and os.geteuid() == 0
    return subprocess.Popen(
        [sys.executable, "-P", "-W", "error", "-c", script],
        env=others | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_permissions if is_root else None,
    )


def end(process):
    """The lines that a process printed, and the kept functions that it compiled."""
    output, errors = process.communicate(timeout=300)
    assert (process.returncode, errors) == (0, "")
    lines = output.splitlines()
    return lines, KEPT.intersection(lines)


def run(script, *arguments, **environment):
    """Both of these, of a new process."""
    return end(start(script, *arguments, **environment))


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """The bits that each fit must give, and a folder with what it needs compiled."""
    # The cache that the tests run with has it, unless this is the first of them.
    name = "NUMBA_CACHE_DIR"
    lines, _ = run(FIT, **{key: os.environ[key] for key in {name} & os.environ.keys()})
    bits, *paths = lines[:4]
    filled = tmp_path_factory.mktemp("filled")
    for path, folder in zip(paths, FOLDERS, strict=True):
        (filled / folder).mkdir(parents=True, exist_ok=True)
        for file in Path(path).glob("*.nb[ic]"):
            shutil.copy2(file, filled / folder)
    return bits, filled


@pytest.fixture
def bits(filled):
    """What each fit must give."""
    return filled[0]


def fill(cache, filled, package=PACKAGE):
    """Make a cache that Numba takes for its own."""
    for folder in FOLDERS:
        name = _CacheLocator.get_suitable_cache_subpath(str(package / folder / "x.py"))
        (cache / name).mkdir(parents=True)
        for file in (filled[1] / folder).glob("*.nb[ic]"):
            os.link(file, cache / name / file.name)


def files_of(name, suffix, cache):
    """The files in which a function is kept."""
    found = list(cache.rglob(f"*.{name}-*.{suffix}"))
    assert found
    return found


def remove(name, cache):
    for suffix in ("nbi", "nbc"):
        for file in files_of(name, suffix, cache):
            file.unlink()


def make_read_only(folder):
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(0o555)


def copy_of_package(folder):
    """A copy of the package that was never used."""
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(PACKAGE, folder / "skrnn", ignore=ignored))


def test_two_processes_compile_at_once(filled, bits, tmp_path):
    fill(tmp_path, filled)
    missing = {"add_l2", "clip_norm", "adam_step"}  # the quickest
    for name in missing:
        remove(name, tmp_path)
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    for process in [start(FIT, **environment) for _ in range(2)]:
        lines, compiled = end(process)
        assert lines[0] == bits
        assert compiled <= missing
    lines, compiled = run(FIT, **environment)
    assert (lines[0], compiled) == (bits, set())


def test_units_are_loaded_or_compiled_before_their_callers(filled, bits, tmp_path):
    fill(tmp_path, filled)
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    for missing in ({"window_of", "head_gradient"}, {"predict_shards"}):
        for name in missing:
            remove(name, tmp_path)
        lines, compiled = run(FIT, **environment)
        assert (lines[0], compiled) == (bits, missing)


@needs_permissions
def test_read_only_package(filled, bits, tmp_path):
    package, cache = copy_of_package(tmp_path), tmp_path / ".cache" / "numba"
    fill(cache, filled, package)
    remove("adam_step", cache)
    make_read_only(package)
    for expected in ({"adam_step"}, set()):
        lines, compiled = run(FIT, package, HOME=str(tmp_path))
        assert (lines[0], compiled) == (bits, expected)
        assert all(Path(path).parent == cache for path in lines[1:4])


@needs_permissions
def test_no_folder_can_be_written(bits, tmp_path):
    package = copy_of_package(tmp_path)
    make_read_only(tmp_path)
    script = f"""{FIT}
from skrnn.__main__ import main
try:
    main([])
except SystemExit as exit:
    print(exit)
"""
    lines, compiled = run(script, package, HOME=str(tmp_path))
    assert (lines[0], compiled) == (bits, KEPT)
    assert lines[1:4] == ["None"] * 3
    assert lines[-1].startswith("Compiled code cannot be kept: no folder for it can")


@needs_permissions
def test_cache_that_can_only_be_read(filled, bits, tmp_path):
    fill(tmp_path, filled)
    remove("adam_step", tmp_path)
    make_read_only(tmp_path)
    lines, compiled = run(FIT, NUMBA_CACHE_DIR=str(tmp_path))
    assert (lines[0], compiled) == (bits, {"adam_step"})
    assert all(Path(path).parent == tmp_path for path in lines[1:4])


@needs_permissions
def test_files_that_cannot_be_read(filled, bits, tmp_path):
    fill(tmp_path, filled)
    for name, suffix in (("clip_norm", "nbi"), ("adam_step", "nbc")):
        for file in files_of(name, suffix, tmp_path):
            file.unlink()  # the link
            file.touch(0o000)
    lines, compiled = run(FIT, NUMBA_CACHE_DIR=str(tmp_path))
    assert (lines[0], compiled) == (bits, {"clip_norm", "adam_step"})


#: Of one's own; nobody else's. Where root runs the tests, files are given away.
AS_ANOTHER = "import os\nos.geteuid = lambda: 54321\n"


class MakeFolder:
    """Unpickled, it makes a folder: code that a stranger wants to be run."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def give_away(path):
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)


def open_to_all(path):
    path.chmod(0o777)


@needs_permissions
@pytest.mark.parametrize("what", ["folder", "file"])
@pytest.mark.parametrize("change", [give_away, open_to_all])
def test_nothing_of_others_is_loaded(what, change, tmp_path):
    package, cache = copy_of_package(tmp_path), tmp_path / "cache"
    trap = tmp_path / "trap"
    name = _CacheLocator.get_suitable_cache_subpath(str(package / FOLDERS[1] / "x.py"))
    environment = {"NUMBA_CACHE_DIR": str(cache), "HOME": str(tmp_path)}
    assert run(CLIP, package, **environment)[1] == {"clip_norm"}
    (index,) = files_of("clip_norm", "nbi", cache)
    index.write_bytes(pickle.dumps(MakeFolder(trap)))
    change(cache / name if what == "folder" else index)
    script = AS_ANOTHER + CLIP if change is give_away else CLIP
    lines, compiled = run(script, package, **environment)
    assert (lines[:1], compiled) == (CLIPPED, {"clip_norm"})
    assert not trap.exists()


@needs_permissions
def test_files_are_closed_to_others(tmp_path):
    script = CLIP.replace("def work", "import os\nos.umask(0)\ndef work")
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    for expected in ({"clip_norm"}, set()):
        lines, compiled = run(script, **environment)
        assert (lines[:1], compiled) == (CLIPPED, expected)
    files = files_of("clip_norm", "nb?", tmp_path)
    assert {file.stat().st_mode & 0o022 for file in [*files, files[0].parent]} == {0}
    files[0].parent.chmod(0o1777)  # sticky: nobody replaces the files of others
    assert run(script, **environment) == (CLIPPED, set())


def test_package_in_a_zip(tmp_path):
    """What other sources were compiled to cannot be told apart: nothing is kept."""
    package = shutil.make_archive(str(tmp_path / "all"), "zip", PACKAGE.parent, "skrnn")
    for _ in range(2):
        lines, compiled = run(CLIP, Path(package) / "skrnn", HOME=str(tmp_path))
        assert (lines[:1], compiled) == (CLIPPED, {"clip_norm"})


def test_no_memory_to_load(tmp_path):
    """It says nothing about what is kept, which stays."""
    no_memory = """
from numba.core.caching import CompileResultCacheImpl
def rebuild(*arguments):
    raise MemoryError
CompileResultCacheImpl.rebuild = rebuild
"""
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    assert run(CLIP_BOTH, **environment)[1] == {"clip_norm"}
    lines, compiled = run(no_memory + CLIP, **environment)
    assert (lines[:1], compiled) == (CLIPPED, {"clip_norm"})
    assert run(CLIP_BOTH, **environment) == (2 * CLIPPED, set())


INTERRUPTED = """
import signal
import numpy as np
from numba.core.registry import cpu_target
from skrnn.mathematics import gradients

# A shell's background jobs ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
engine = cpu_target.target_context.codegen()._engine._ee
call = getattr(engine, name)

def interrupt(*arguments):
    signal.raise_signal(signal.SIGINT)
    return call(*arguments)

setattr(engine, name, interrupt)
try:
    gradients.clip_norm(np.array([3.0, 4]), 2.5)
except KeyboardInterrupt:
    print("interrupted")
setattr(engine, name, call)
print(gradients.clip_norm(np.array([3.0, 4]), 2.5))
"""


def test_interrupted_while_code_is_handed_over(tmp_path):
    """LLVM calls Python with what it has compiled, and for what was kept."""
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    for name in ("notify", "getbuffer"):
        script = f"name = '_object_cache_{name}'\n{INTERRUPTED}"
        assert run(script, **environment)[0] == ["interrupted", "5.0"]
    assert run(CLIP, **environment)[0][:1] == CLIPPED


def damage(files, change):
    for file in files:
        data = file.read_bytes()
        file.unlink()  # the link
        file.write_bytes(change(data))


def test_damaged_files(filled, bits, tmp_path):
    fill(tmp_path, filled)
    changes = {
        "add_l2": lambda data: b"",
        "clip_norm": lambda data: data[: len(data) // 2],
        "adam_step": lambda data: bytes(255 - byte for byte in data),
    }
    for suffix, expected in (("nbi", set(changes)), ("nbc", set(changes)), ("", set())):
        for name in expected:
            damage(files_of(name, suffix, tmp_path), changes[name])
        lines, compiled = run(FIT, NUMBA_CACHE_DIR=str(tmp_path))
        assert (lines[0], compiled) == (bits, expected)


def test_two_signatures_saved_under_one_name(tmp_path):
    """As it happens when two processes read an index before either writes it."""
    cache = str(tmp_path)
    assert run(CLIP_BOTH, NUMBA_CACHE_DIR=cache)[0][:2] == 2 * CLIPPED
    one, other = files_of("clip_norm", "nbc", tmp_path)
    shutil.copy(one, other)
    lines, compiled = run(CLIP_BOTH, NUMBA_CACHE_DIR=cache)
    assert (lines[:2], compiled) == (2 * CLIPPED, {"clip_norm"})
    assert run(CLIP_BOTH, NUMBA_CACHE_DIR=cache) == (2 * CLIPPED, set())


@needs_permissions
def test_full_disk(tmp_path):
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (999, 999))"
    script = CLIP.replace("def work", f"{limit}\ndef work")
    lines, _ = run(script, NUMBA_CACHE_DIR=str(tmp_path))
    assert lines[:1] == CLIPPED
    assert not list(tmp_path.rglob("*.nb*"))


def test_other_source(tmp_path):
    """A function may call any other, so all are compiled when one has changed."""
    package = copy_of_package(tmp_path)
    for edited, expected in {
        "backends/cpu/tile.py": {"clip_norm"},
        "mathematics/activations.py": {"clip_norm"},
        "estimators/base.py": set(),
    }.items():
        with (package / edited).open("a") as source:
            source.write("# edited\n")
        assert run(CLIP, package, HOME=str(tmp_path))[1] == expected
