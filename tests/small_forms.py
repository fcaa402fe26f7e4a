"""Forms that X may have: what makes them of a list of arrays, or of a 3D array."""

import numpy as np
import pandas as pd

LISTS = {
    "list": list,
    "tuple": tuple,
    "object array": lambda X: np.fromiter(X, dtype=object),
    "Series": lambda X: pd.Series(list(X), index=range(7, 7 + len(X))),
    "list of lists": lambda X: [x.tolist() for x in X],
    "list of lists of arrays": lambda X: [list(x) for x in X],
    "list of DataFrames": lambda X: [pd.DataFrame(x) for x in X],
    "list of Fortran order": lambda X: [np.asfortranarray(x) for x in X],
    "list of objects": lambda X: [x.astype(object) for x in X],
}
ARRAYS = {
    "3D": np.asarray,
    "Fortran order": np.asfortranarray,
    "backwards view": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "3D object array": lambda X: X.astype(object),
    "big-endian": lambda X: X.astype(">f8"),
    "rows": lambda X: X.reshape(len(X), -1),
    "rows as lists": lambda X: X.reshape(len(X), -1).tolist(),
    "rows in Fortran order": lambda X: np.asfortranarray(X.reshape(len(X), -1)),
    "DataFrame": lambda X: pd.DataFrame(X.reshape(len(X), -1)),
}
