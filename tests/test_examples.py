"""The examples, and every Python block of the README and of docs/, run as shown."""

import inspect
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from skrnn import datasets

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
#: Modules that the tests can do without: what imports a missing one is skipped.
OPTIONAL = ["optuna", "sacrebleu", "tokenizers", "torch"]


def page_name(page):
    return page.relative_to(ROOT).as_posix()


def python_blocks(page):
    """The page's Python blocks as one program, each line where it is in the page."""
    lines, inside = [], False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            inside = line == "```python"
            line = ""
        lines.append(line if inside else "")
    return "\n".join(lines) if any(lines) else ""


def missing_modules(program):
    """The optional modules that a program imports and that are not installed."""
    return [
        name
        for name in OPTIONAL
        if re.search(rf"^(import|from) {name}\b", program, flags=re.M)
        and find_spec(name) is None
    ]


def skip_without_modules(program):
    if missing := missing_modules(program):
        pytest.skip(f"it needs {', '.join(missing)}")


def run(folder, *arguments):
    """Run Python with warnings as errors, its workers' too; returns what it prints."""
    process = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env=os.environ | {"MPLBACKEND": "Agg", "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.mark.parametrize("page", list(filter(python_blocks, PAGES)), ids=page_name)
def test_blocks_of_page(page, tmp_path):
    # A process of its own, since a page may set the number of threads.
    program = python_blocks(page)
    skip_without_modules(program)
    script = tmp_path / f"{page.stem}.py"
    script.write_text(program, encoding="utf-8")
    run(tmp_path, script)


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_of_page(page):
    """Links to files of the repository, and to headings in them, lead somewhere."""
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def anchors(page):
    """The names that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.M)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


def test_signatures_of_datasets_are_current():
    api = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    quoted = dict(re.findall(r"^`(load_\w+)(\(.*\))`$", api, flags=re.M))
    assert quoted == {
        name: str(_without_types(inspect.signature(function))).replace("'", '"')
        for name, function in vars(datasets).items()
        if name in datasets.__all__
    }


def _without_types(signature):
    empty = inspect.Signature.empty
    arguments = [
        argument.replace(annotation=empty) for argument in signature.parameters.values()
    ]
    return signature.replace(parameters=arguments, return_annotation=empty)


def check_vowels(output):
    (accuracy,) = re.findall(r"Test accuracy: (.+)", output)
    assert float(accuracy) >= 0.965
    assert "The reopened model predicts the same: True" in output


def check_weather(output):
    errors = dict(re.findall(r"^(\S.*?) +(\d\.\d\d) ", output, flags=re.M))
    assert float(errors["network, 30 days"]) < float(errors["ridge, 30 days"])
    assert float(errors["ridge, 30 days"]) < float(errors["persistence"])


def check_bits(output):
    assert "1 of 1 networks are right at every single step." in output
    assert "parity so far [1, 1, 0, 1, 1, 0]" in output


def check_tagging(output):
    accuracies = {
        name: float(accuracy)
        for name, accuracy in re.findall(r"^(\S.*?) +(\d\.\d{3}) ", output, flags=re.M)
    }
    alone = accuracies["boosting, the day alone"]
    assert accuracies["network, all days, seed 0"] > alone


def check_memory(output):
    ((r2, *effects),) = re.findall(
        r"^Elman +100 +(\S+) +\d+ s +(\S+) +(\S+) +(\S+)$", output, flags=re.M
    )
    assert float(r2) > 0.9
    plain, default, trained = map(float, effects)
    assert plain < default / 100
    assert default < trained / 100


def check_online(output):
    rows = re.findall(r"^(\S.*?) +\d+ +(\S+) +(\S+)$", output, flags=re.M)
    (_, *before), *after = rows
    assert len(after) == 3
    assert min(map(float, before)) > 0.95
    for _, frozen, goes_on in after:
        assert float(goes_on) > float(frozen) + 0.2


def check_fine_tuning(output):
    _, speakers, device = output.split("few utterances of each speaker\n")
    for table in (speakers, device):
        assert re.findall(r"^(\S.*?)  +\d", table, flags=re.M) == [
            "from scratch",
            "fine-tuning, all weights",
            "fine-tuning, head only",
            "fine-tuning, adapters",
        ]
    # Accuracies with one utterance of each speaker.
    found = re.findall(r"^\S.*?  +\d+ +\S+ +(\S+)", device, flags=re.M)
    scratch, *tuned = map(float, found)
    assert min(tuned) > scratch + 0.05


def check_events(output):
    (boosting,) = re.findall(r"^boosting, .* (\S+)$", output, flags=re.M)
    (network,) = re.findall(r"^network, .* (\S+)$", output, flags=re.M)
    assert float(network) > float(boosting) + 0.05


def check_names(output):
    rows = re.findall(r"^\S.*? +(0\.\d{3}) +0\.\d{3}$", output, flags=re.M)
    assert len(rows) == 2
    assert min(map(float, rows)) > 0.4


def check_alice(output):
    bits = re.findall(r"^  (bz2|xz|network) +(\d\.\d\d)$", output, flags=re.M)
    bits = {name: float(value) for name, value in bits}
    assert 2.5 < bits["network"] < 4
    assert len(re.findall(r"^Alice ", output, flags=re.M)) >= 2


def check_addresses(output):
    (regression,) = re.findall(r"regression +(\S+) +\S+$", output, flags=re.M)
    (network,) = re.findall(r"network +(\S+) +\S+$", output, flags=re.M)
    # The most frequent label alone would be 0.17.
    assert min(float(regression), float(network)) > 0.7


def check_speech(output):
    rows = re.findall(r"^words .*?((?: +0\.\d{3}){3})$", output, flags=re.M)
    assert len(rows) == 2
    for row in rows:
        assert min(map(float, row.split())) > 0.85
    assert len(re.findall(r"^(she|you|said)( +\S+){4}$", output, flags=re.M)) == 3


def check_translation(output):
    """A few steps are enough for the most frequent words."""
    rows = re.findall(r"^(\S.*?) +(\d+\.\d) +(\d+\.\d)$", output, flags=re.M)
    assert [name for name, *_ in rows] == [
        "most probable piece",
        "beam of 5 beginnings",
    ]
    assert min(float(chrf) for *_, chrf in rows) > 2
    assert output.count("->") == 5


def check_speech_to_text(output):
    errors = re.findall(r"^[ \d]+(?: to \d+)? dB +(\S+) +\S+$", output, flags=re.M)
    assert len(errors) == 6
    # As in training: of the default's 2,000 strings it is 0.01.
    assert float(errors[0]) < 0.2


def check_letters(output):
    rows = re.findall(r"^(?:best path|beam of 10).*?((?: +0\.\d{3}){2})$", output, re.M)
    assert len(rows) == 2
    for row in rows:
        phonemes, words = map(float, row.split())
        assert phonemes < 0.4
        assert words < 0.95


def check_departures(output):
    """As good as last week soon; a network that has just begun covers much."""
    rows = re.findall(r"^(\S.*?) +(\d+\.\d{3}) +(\d+\.\d{3})$", output, flags=re.M)
    naive, network = (float(mean) for _, mean, _ in rows)
    assert network < 1.5 * naive
    (covered,) = re.findall(r"^coverage .* (\d\.\d{3})$", output, flags=re.M)
    assert 0.5 < float(covered) < 1


def check_glucose(output):
    """A few steps are better than that nothing changes."""
    found = re.findall(r"^(\S.*?) +(\d+\.\d\d) +(\d+\.\d\d)$", output, flags=re.M)
    errors = {name: (float(half), float(whole)) for name, half, whole in found}
    half, whole = errors["network, seed 0"]
    assert half < errors["nothing changes"][0]
    assert whole < errors["nothing changes"][1]


def check_patients(output):
    """Far from chance, which is 0.5."""
    found = re.findall(r"^(last values|network, seed 0) +(0\.\d{3})$", output, re.M)
    assert [name for name, _ in found] == ["last values", "network, seed 0"]
    assert min(float(area) for _, area in found) > 0.7


HERE = ("--output", "here")
#: Arguments of each example, and what checks its output.
EXAMPLES = {
    "addresses.py": (
        (*HERE, "--addresses", "300", "--epochs", "10"),
        check_addresses,
    ),
    "alice.py": (
        (*HERE, "--characters", "20000", "--hidden", "32", "--epochs", "4"),
        check_alice,
    ),
    "binary_sequences.py": (("--seeds", "1"), check_bits),
    "departures.py": (
        (*HERE, "--series", "2", "--days", "25", "--epochs", "1"),
        check_departures,
    ),
    "event_log.py": (("--sessions", "800", "--epochs", "15"), check_events),
    "fine_tuning.py": (("--seeds", "1"), check_fine_tuning),
    "glucose.py": (
        (
            *(*HERE, "--days", "40", "--epochs", "5"),
            *("--dropout", "0", "--seeds", "1"),
        ),
        check_glucose,
    ),
    "japanese_vowels.py": (HERE, check_vowels),
    "letters_to_sounds.py": (
        (*HERE, "--words", "800", "--test", "400", "--epochs", "3"),
        check_letters,
    ),
    "long_memory.py": (
        (*HERE, "--networks", "Elman", "--sequences", "8000"),
        check_memory,
    ),
    "names_by_language.py": ((*HERE, "--names", "2000", "--epochs", "5"), check_names),
    "online_learning.py": (HERE, check_online),
    "patients.py": (
        (*HERE, "--patients", "200", "--epochs", "10", "--seeds", "1"),
        check_patients,
    ),
    "speech.py": (("--epochs", "3"), check_speech),
    "speech_to_text.py": (
        (*HERE, "--strings", "300", "--epochs", "30"),
        check_speech_to_text,
    ),
    "tagging.py": ((*HERE, "--seeds", "1"), check_tagging),
    "translation.py": (
        (*HERE, "--pairs", "300", "--test", "20", "--units", "32", "--epochs", "15"),
        check_translation,
    ),
    "weather.py": ((*HERE, "--seeds", "1"), check_weather),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name, tmp_path):
    arguments, check = EXAMPLES[name]
    script = ROOT / "examples" / name
    skip_without_modules(script.read_text(encoding="utf-8"))
    check(run(tmp_path, script, *arguments))
    assert bool(list(tmp_path.glob("here/*.png"))) == ("--output" in arguments)
