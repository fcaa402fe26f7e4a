"""What a translator needs: its targets, the search for the best one, what it reads."""
