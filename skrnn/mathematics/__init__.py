"""The formulas: activations, cells, losses, optimizers, initializers.

Nothing here knows a batch, a thread or an estimator.
"""
