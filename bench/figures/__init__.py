"""The parts of bench/hardware.py: the cases as data, their measurement, and the text and plots made of it."""
