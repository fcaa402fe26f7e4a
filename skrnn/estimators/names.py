"""Names that are not known, of parameters above all, and what may be meant."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import wraps
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., None])

#: What other packages call our parameters, where the name is not alike.
ELSEWHERE = {
    "cell": ("cell_type", "mode", "rnn_type"),
    "hidden_size": ("hidden_layer_sizes", "n_hidden", "n_units", "num_units", "units"),
    "n_layers": ("num_hidden_layers", "num_layers"),
    "activation": ("nonlinearity",),
    "solver": ("optim", "optimizer"),
    "alpha": ("l2", "reg_lambda"),
    "learning_rate": ("lr_scheduler", "schedule", "scheduler"),
    "learning_rate_init": ("eta", "eta0", "lr"),
    "max_iter": ("epochs", "max_epochs", "n_epochs", "n_iter", "num_epochs"),
    "random_state": ("random_seed", "seed"),
    "n_iter_no_change": ("patience",),
    "validation_fraction": ("validation_split",),
    "max_grad_norm": ("clip_norm", "clipnorm", "grad_clip", "gradient_clip_val"),
    "n_features_per_step": ("input_size", "n_features"),
    "frame_length": ("nperseg", "patch_len", "patch_size", "win_length", "window_size"),
    "hop_length": ("frame_step", "hop_size", "stride"),
    "add_time": ("positional_encoding", "time_index"),
    "categorical_features": ("cat_features", "categorical_feature"),
    "embedding_size": ("embed_dim", "embedding_dim", "n_embd"),
    "ngram_length": ("max_ngram", "ngram_range", "ngrams", "word_ngrams", "wordngrams"),
    "bptt_steps": ("tbptt_steps", "truncation"),
    "adapter_rank": ("lora_rank",),
    "epsilon": ("eps",),
    "loss": ("criterion", "loss_function", "objective"),
    "quantiles": ("q", "quantile", "quantile_levels", "tau"),
    "delta": ("huber_delta", "huber_slope"),
    "label_smoothing": ("label_smooth", "smoothing"),
}


def suggests_names(init: F) -> F:
    """Let a constructor's error for an unknown name say which one may be meant."""
    names = inspect.signature(init).parameters

    @wraps(init)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        for name in kwargs:
            if name not in names:
                raise TypeError(
                    f"{init.__qualname__}() got an unexpected keyword argument "
                    f"{name!r}.{suggestion(name, names)}"
                )
        init(self, *args, **kwargs)

    return __init__  # type: ignore[return-value]


def suggestion(
    name: str, names: Iterable[str], elsewhere: Mapping[str, Sequence[str]] = ELSEWHERE
) -> str:
    """A sentence, behind a space, that says which of the names may be meant; or ""."""
    meant = [own for own, others in elsewhere.items() if name.lower() in others]
    meant = [own for own in meant if own in names]
    meant += get_close_matches(name, [own for own in names if own != "self"], n=1)
    return f" Did you mean {meant[0]!r}?" if meant else ""
