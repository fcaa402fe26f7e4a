"""Small real data sets of sequences, shipped with the package."""

from skrnn.datasets._addresses import load_addresses
from skrnn.datasets._alice import load_alice
from skrnn.datasets._departures import load_departures
from skrnn.datasets._glucose import load_glucose
from skrnn.datasets._japanese_vowels import load_japanese_vowels
from skrnn.datasets._pronunciations import load_pronunciations
from skrnn.datasets._seattle_weather import load_seattle_weather
from skrnn.datasets._spoken_characters import load_spoken_characters
from skrnn.datasets._surnames import load_surnames
from skrnn.datasets._verses import load_verses

__all__ = [
    "load_addresses",
    "load_alice",
    "load_departures",
    "load_glucose",
    "load_japanese_vowels",
    "load_pronunciations",
    "load_seattle_weather",
    "load_spoken_characters",
    "load_surnames",
    "load_verses",
]
