"""Options of drivers, by driver class.

A driver of abaca keeps its options in its own package (`module:NAME` in `table.py`).  The rows of
drivers that are not written yet, or that only lend their file format, are here so that files are
recognised.
"""
