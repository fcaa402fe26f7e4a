"""What the project says of itself agrees: versions, dependencies, floors."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

import skrnn

pytestmark = pytest.mark.quick

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
#: Names of modules that are not those of their distributions.
DISTRIBUTIONS = {"sklearn": "scikit-learn"}


def requirements(text, pattern):
    """The names and versions of requirements, one a line; each must be such a one."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(re.fullmatch(pattern, line).groups() for line in lines)


def as_numbers(version):
    """Of a version; 1.5 is 1.5.0."""
    numbers = [int(number) for number in version.split(".")]
    return numbers + [0] * (3 - len(numbers))


def floors():
    """The lowest version of each dependency."""
    return requirements("\n".join(PROJECT["dependencies"]), r"([\w-]+)>=([\d.]+)")


def test_the_lowest_versions_are_those_that_are_tested():
    constraints = (ROOT / ".ci" / "lowest.txt").read_text(encoding="utf-8")
    tested = requirements(constraints, r"([\w-]+)==([\d.]+)")
    assert {name: as_numbers(version) for name, version in tested.items()} == {
        name: as_numbers(version) for name, version in floors().items()
    }


def imported(body):
    """The distributions that these statements import, but Python's own modules."""
    names = set()
    for node in body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    modules = {name.partition(".")[0] for name in names}
    modules -= sys.stdlib_module_names | {"skrnn"}
    return {DISTRIBUTIONS.get(module, module) for module in modules}


def test_dependencies_are_what_is_imported():
    files = Path(skrnn.__file__).parent.rglob("*.py")
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    declared = floors().keys()
    always = set().union(*(imported(tree.body) for tree in trees))
    ever = set().union(*(imported(ast.walk(tree)) for tree in trees))
    assert always <= declared <= ever


def test_pythons_are_those_that_are_tested():
    pattern = r"^Programming Language :: Python :: (3\.\d+)$"
    declared = re.findall(pattern, "\n".join(PROJECT["classifiers"]), flags=re.M)
    assert PROJECT["requires-python"] == f">={declared[0]}"
    (tested,) = re.findall(r"^for version in (.*); do$", CI, flags=re.M)
    assert tested.split() == declared


def test_no_mark_is_where_the_checks_do_not_look():
    """In a test file, which `.ci/run` finds by it, or in the cases of all backends."""
    marked = {
        path.name
        for path in ROOT.glob("tests/**/*.py")
        if re.search(r"pytest\.mark\.(quick|nojit)", path.read_text(encoding="utf-8"))
    }
    elsewhere = {name for name in marked if not name.startswith("test_")}
    assert elsewhere == {"kernel_cases.py"}


def test_the_table_of_floors_is_the_contract():
    (contract,) = [
        contract
        for contract in PYPROJECT["tool"]["importlinter"]["contracts"]
        if contract["id"] == "floors"
    ]
    # What is below all others has no row.
    layers = [layer for layer in contract["layers"] if "|" not in layer]
    design = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| `skrnn/(\w+)[/.]", design, flags=re.M)
    assert rows == [(str(floor), layers[-1 - floor]) for floor in range(5, -1, -1)]


def test_the_index_of_the_documentation_has_every_page():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert set(re.findall(r"\]\((\w+\.md)\)", index)) == pages
