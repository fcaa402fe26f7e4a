"""What a language model needs: tokens, their likelihood, samples, streams."""
