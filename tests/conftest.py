"""Settings that must be made before the first import of SciPy."""

import os

# scikit-learn's checks of array API input are skipped without it.
os.environ["SCIPY_ARRAY_API"] = "1"
