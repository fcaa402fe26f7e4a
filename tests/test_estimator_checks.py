"""scikit-learn's own checks of an estimator: of each estimator, and of each cell."""

import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from skrnn import RNNClassifier, RNNMultiTask, RNNRegressor
from skrnn.mathematics.cells import CELLS

# The checks take fewer epochs than the number that is given, if there is one.
ESTIMATORS = [
    RNNRegressor("rnn", max_iter=100),
    RNNClassifier("lstm", max_iter=100),
    RNNClassifier(max_iter=100),
    RNNMultiTask(max_iter=3),
]

# This one compares two training runs to 1e-7. As scikit-learn does for its own neural
# networks, the parameters are chosen for it: in every step both runs see all samples,
# and there are few steps, since each one magnifies what rounding made different. Nor
# can the same part be set aside of samples that are repeated and of weighted ones.
EXACT = {"dtype": "float64", "batch_size": 1000, "max_iter": 20}
EXACT |= {"early_stopping": False}


# Of all, the one that has most compiled code in common with the other quick tests.
@pytest.mark.quick
@parametrize_with_checks(ESTIMATORS[:1])
def test_estimator_check(estimator, check):
    check_estimator(estimator, check)


@parametrize_with_checks(ESTIMATORS[1:])
def test_check_of_others(estimator, check):
    check_estimator(estimator, check)


def check_estimator(estimator, check):
    if check.func.__name__ == "check_sample_weight_equivalence_on_dense_data":
        estimator = clone(estimator).set_params(**EXACT)
    check(estimator)


def test_each_cell_is_checked():
    assert {estimator.cell for estimator in ESTIMATORS} == {name for name, _ in CELLS}
