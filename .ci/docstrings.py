"""Write what several docstrings share, and the estimators' constructors, into them.

Docstrings and signatures stand in the source as users and editors read them. What they
share has one place to be edited: the parameters in skrnn/estimators/parameters.py, all
else here. After an edit run ``python .ci/docstrings.py``; it rewrites the package that
Python imports (your working copy, with an editable install). Into a docstring that
should have one more shared entry, write the line with its name first.
"""

import ast
import re
from pathlib import Path
from textwrap import fill, indent

import skrnn
from skrnn.estimators import parameters

ROOT = Path(skrnn.__file__).parent
INDENT, WIDTH = " " * 4, 88

X = """
X : array-like or list of array-like
    Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of arrays or
    DataFrames (n_timesteps_i, n_features), or of arrays or lists (n_timesteps_i,), of
    any lengths; or a 2D array or DataFrame (n_samples, n_timesteps *
    n_features_per_step) of flattened sequences.
"""

OF_INPUTS = """
n_features_in_ : int
    Number of columns of the 2D X seen during fit, or the number of features per step
    of the sequences.
feature_names_in_ : ndarray of shape (n_features_in_,)
    Column names of X, if X was a DataFrame, or a list with DataFrames, whose names are
    all strings.
n_features_per_step_ : int
    Number of features of a time step.
"""

OF_ESTIMATORS = f"""
{X}
sample_weight : array-like of shape (n_samples,), default=None
    Weight of each sample. None: all weights are 1. With ``return_sequences=True``
    that of all of its steps; or one weight for each step, in the form of y.
static : array-like of shape (n_samples, n_static_features), default=None
    What is known of each sequence as a whole, in a row of an array or DataFrame: inputs
    of all of its steps. Columns of numbers are standardised inside, by what the first
    fit sees. Columns of strings, or of a DataFrame's type for categories, have
    categories; what is missing is one more, and what the first fit did not see counts
    as the mean of all. None: there are no static features.
static_val : as static, default=None
    Static features of the validation data.
X_val, y_val : as X and y, default=None
    Validation data for early stopping; None: a part of the samples is set aside. A
    `Pipeline` with ``transform_input=["X_val"]`` transforms them as X.
sample_weight_val : as sample_weight, default=None
    Weights of the validation data.
init_weights : estimator or dict of str to ndarray, default=None
    Where training starts: a fitted estimator, or what its `get_weights` returned. The
    output layer may differ: it starts anew if its shape, or the estimator's classes,
    are others. A dict may have embeddings alone, each also as a DataFrame with the
    names of categories. None: at random weights.
skrnn.exceptions.DivergenceError
    If the loss, a gradient or the weights become infinite or NaN.
{OF_INPUTS}
n_static_features_in_ : int
    Number of columns of `static`. Only if it was passed.
static_feature_names_in_ : ndarray of shape (n_static_features_in_,)
    Their names, if it was a DataFrame whose names are all strings.
frame_length_ : int
    Steps of a frame.
hop_length_ : int
    Steps from one frame to the next.
add_time_ : bool
    Whether the number of a step is one of its features.
ngram_length_ : int
    Categories of the longest n-gram.
categories_ : list of ndarray
    Of each feature with categories those that the first fit saw, sorted; what is
    missing is None, and the last. Only if there is such a feature.
embeddings_ : list of DataFrame
    Of each of these features the embedding of each category, which its index names. The
    last row, ``"<unknown>"``, is that of what fit did not see.
n_outputs_ : int
    Number of outputs of the network.
out_activation_ : str
    "softmax", "logistic", "exponential" or "identity".
n_iter_ : int
    Number of epochs trained.
loss_ : float
    Loss of the last epoch, the penalty included.
best_loss_ : float
    Lowest loss of an epoch.
loss_curve_ : list of float
    Loss of each epoch.
grad_norm_curve_ : list of float
    Norm of the gradient before clipping, mean over the steps of each epoch.
validation_scores_ : list of float or None
    Score of the validation data after each epoch; None without early stopping.
best_validation_score_ : float or None
    The highest of them, that of the weights that the estimator has.
"""

LABELS = """
y : array-like of shape (n_samples,) or (n_samples, n_columns), or list of such
    Class labels; for multilabel targets an indicator matrix of 0 and 1; or
    several columns of labels. With ``return_sequences=True`` a list with an
    array (n_timesteps_i,) or (n_timesteps_i, n_columns) for each sequence, or
    one array of shape (n_samples, n_timesteps[, n_columns]).
"""

VALUES = """
y : array-like of shape (n_samples,) or (n_samples, n_outputs), or list of such
    Target values. With ``return_sequences=True`` a list with an array
    (n_timesteps_i,) or (n_timesteps_i, n_outputs) for each sequence, or one
    array of shape (n_samples, n_timesteps[, n_outputs]). A value that is NaN is
    missing, and adds nothing to the loss or the score.
"""

OF_TASKS = (
    OF_ESTIMATORS
    + """
sample_weight : array-like of shape (n_samples,), default=None
    Weight of each sample. None: all weights are 1.
out_activation_ : str
    "mixed".
"""
)

TASKS = """
y : DataFrame, array-like of shape (n_samples, n_tasks) or (n_samples,)
    A column for each task: a DataFrame of pandas or polars; or an array or a list of
    rows. What is missing (NaN, None) adds nothing to the loss of its task or the score,
    and the other targets of the sample count as before. One of a single task may be 1D.
"""

TOKENS = """
X : list of str, or list of array-like
    Sequences of tokens: texts, of which each character is a token; or lists or arrays
    (n_timesteps_i,) of strings, whole numbers or booleans, of any lengths, also none.
"""

OF_TRANSCRIPTS = (
    OF_ESTIMATORS
    + """
sample_weight : array-like of shape (n_samples,), default=None
    Weight of each sample. None: all weights are 1.
X : list of array-like or of str, or array-like
    Sequences: a list of arrays or DataFrames (n_timesteps_i, n_features), or of arrays
    or lists (n_timesteps_i,), of any lengths; or a 3D array (n_samples, n_timesteps,
    n_features); or a 2D array of flattened sequences. Of texts each character is a
    step; lists of strings are sequences of tokens.
y : list of str, or list of array-like
    What each sequence says: texts, of which each character is a label; or sequences of
    labels, which are strings, numbers or booleans. A transcript may be empty.
"""
)

OF_TRANSLATIONS = (
    OF_TRANSCRIPTS
    + """
y : list of str, or list of array-like
    The translation of each sequence: texts, of which each character is a token; or
    sequences of tokens, which are strings, numbers or booleans. It may be empty.
embeddings_ : list of DataFrame
    Of each of these features the embedding of each category, which its index names, and
    then that of the tokens in y, with None for the begin of a translation. The last row
    of each, ``"<unknown>"``, is that of what fit did not see.
"""
)

GIVEN_TRANSLATIONS = """
y : list of str, or list of array-like, default=None
    The translations, as `fit` takes them. None: those that `predict` finds.
"""

TRANSFORMED = """
X : array-like or list of array-like
    Sequences as `transform` returns them.
"""

NOTES = """
Nothing is padded: the cost follows the sum of the lengths. A prediction has the
same bits whatever other samples are predicted with it.

Recurrent weights start orthogonal, input weights as Glorot and Bengio proposed,
biases at 0 (LSTM forget gates at 1). The equations are those of PyTorch and cuDNN.
"""

#: For each class: where it is, its parameters if they have a table, the entries that it
#: shares with others, and those of some of its methods.
CLASSES = {
    "RNNClassifier": (
        "estimators/classifier.py",
        parameters.CLASSIFIER,
        OF_ESTIMATORS,
        {"fit": LABELS, "partial_fit": LABELS},
    ),
    "RNNRegressor": (
        "estimators/regressor.py",
        parameters.REGRESSOR,
        OF_ESTIMATORS,
        {"fit": VALUES, "partial_fit": VALUES},
    ),
    "RNNMultiTask": (
        "estimators/multi_task.py",
        parameters.MULTI_TASK,
        OF_TASKS,
        {"fit": TASKS, "partial_fit": TASKS},
    ),
    "RNNLanguageModel": (
        "estimators/language_model.py",
        parameters.LANGUAGE_MODEL,
        OF_ESTIMATORS + TOKENS,
        {},
    ),
    "RNNTranscriber": (
        "estimators/transcriber.py",
        parameters.TRANSCRIBER,
        OF_TRANSCRIPTS,
        {},
    ),
    "RNNTranslator": (
        "estimators/translator.py",
        parameters.TRANSLATOR,
        OF_TRANSLATIONS,
        {"attention_matrix": GIVEN_TRANSLATIONS},
    ),
    "RNNForecaster": ("estimators/forecaster.py", parameters.FORECASTER, "", {}),
    "SupervisedRNN": ("estimators/supervised.py", {}, OF_ESTIMATORS, {}),
    "BaseRNN": ("estimators/base.py", {}, OF_ESTIMATORS, {}),
    "SequenceTransformer": ("preprocessing/_transformer.py", {}, X, {}),
    "SequenceScaler": ("preprocessing/_scaler.py", {}, X + OF_INPUTS, {}),
    "SequenceFeatures": ("preprocessing/_features.py", {}, X + OF_INPUTS, {}),
    "SequenceImputer": ("preprocessing/_imputer.py", {}, X + OF_INPUTS, {}),
    "StepTransformer": (
        "preprocessing/_steps.py",
        {},
        X + OF_INPUTS,
        {"inverse_transform": TRANSFORMED},
    ),
}


def main():
    """Rewrite the files that are not as they should be."""
    for path, source in rewritten().items():
        path.write_text(source, encoding="utf-8")
        print(f"rewritten: {path}")


def rewritten():
    """Path and new source of each file that is not as it should be."""
    sources = {}
    for name, (file, table, shared, of_methods) in CLASSES.items():
        source = (ROOT / file).read_text(encoding="utf-8")
        new = rewrite_class(source, name, table, shared, of_methods)
        if new != source:
            sources[ROOT / file] = new
    return sources


def rewrite_class(source, name, table, shared, of_methods):
    """The source, with the constructor and the docstrings of a class as they should be.

    From the last to the first, so that the lines of the others stay where they are.
    """
    lines = source.splitlines()
    (node,) = (n for n in ast.parse(source).body if getattr(n, "name", None) == name)
    methods = [n for n in node.body if isinstance(n, ast.FunctionDef)]
    for method in reversed(methods):
        if method.name == "__init__" and table:
            code = indent(constructor(table), INDENT)
            lines[method.lineno - 1 : method.end_lineno] = code.splitlines()
        elif ast.get_docstring(method):
            entries = entries_of(shared + of_methods.get(method.name, ""))
            rewrite_docstring(lines, method, entries)
    rewrite_docstring(lines, node, entries_of(shared), table)
    return "\n".join(lines) + "\n"


def rewrite_docstring(lines, node, entries, table=()):
    """Put shared parts in the place of those of the same name."""
    docstring = node.body[0]
    place = slice(docstring.lineno - 1, docstring.end_lineno)
    text, margin = "\n".join(lines[place]), " " * docstring.col_offset
    for name, entry in entries.items():
        # Its line, and those below that are further in.
        old = rf"^{margin}{re.escape(name)}(?: : .*)?$(?:\n{margin} .*)*"
        new = wrapped(entry, margin)
        text = re.sub(old, lambda _, new=new: new, text, flags=re.M)
    if table:
        text = replace_section("Parameters", documentation(table, margin), text)
        text = replace_section("Notes", indent(NOTES.strip(), margin), text)
    lines[place] = text.splitlines()


def replace_section(title, section, text):
    """A docstring with another section of that title."""
    old = rf'( *{title}\n *-+\n).*?(?=\n\n *\w[^\n]*\n *--|\n *""")'
    return re.sub(old, lambda match: match[1] + section, text, flags=re.S)


def entries_of(text):
    """Lines at the margin, each with the indented ones below, by their names."""
    entries = re.findall(r"^\S.*(?:\n .*)*", text, flags=re.M)
    return {re.split(" : |\n", entry)[0]: entry for entry in entries}


def wrapped(entry, margin):
    """An entry beside a margin."""
    first, *text = entry.splitlines()
    inner = margin + INDENT
    # No word is broken: names and values have hyphens.
    text = fill(
        " ".join(line.strip() for line in text),
        WIDTH,
        initial_indent=inner,
        subsequent_indent=inner,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return f"{margin}{first}\n{text}"


def documentation(table, margin):
    """The entries of parameters."""
    return "\n".join(
        wrapped(
            f"{name} : {parameter.type}, default={literal(parameter.default)}\n"
            f"{parameter.text}",
            margin,
        )
        for name, parameter in table.items()
    )


def constructor(table):
    """The source of a constructor, as Ruff formats it."""
    arguments, statements = ["self"], []
    for i, (name, parameter) in enumerate(table.items()):
        if i == parameters.N_POSITIONAL:
            arguments.append("*")
        arguments.append(argument(name, parameter))
        statements.append(f"self.{name} = {name}")
    arguments = indent(",\n".join(arguments), INDENT)
    statements = indent("\n".join(statements), INDENT)
    return f"def __init__(\n{arguments},\n) -> None:\n{statements}"


def argument(name, parameter):
    """A parameter in a constructor's signature."""
    annotation = parameter.annotation or annotation_of(parameter.type)
    line = f"{name}: {annotation} = {literal(parameter.default)}"
    if len(line) <= 79:
        return line
    if " | " in annotation:
        return line.replace(" | ", "\n| ")
    inner = re.search(r"\[(.*)\]", line)[1]
    if len(inner) > WIDTH - 3 * len(INDENT):
        inner = inner.replace(", ", f",\n{INDENT}") + ","
    return re.sub(r"\[.*\]", f"[\n{INDENT}{inner}\n]", line)


def annotation_of(numpydoc_type):
    """The annotation that a type of numpydoc stands for: names and strings."""
    names = numpydoc_type.replace("{", "Literal[").replace("}", "]")
    return re.sub(r' or (".*")', r" | Literal[\1]", names).replace(" or ", " | ")


def literal(value):
    """A value as it is written."""
    return repr(value).replace("'", '"')


if __name__ == "__main__":
    main()
