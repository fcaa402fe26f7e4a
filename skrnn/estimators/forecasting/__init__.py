"""Series as users have them, windows of them for a network, and frames of forecasts."""
