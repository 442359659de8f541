"""Which pool takes a share, and, if none does, why not.

Pure functions on records: no database, no I/O, no clock.  The caller reads the pools and books the
capacity in one transaction.

    pools.py       Pool: what is known of a pool; made from what a backend reports
    request.py     PlacementRequest: what is asked for
    filters/       one file each, table FILTERS by the names of scheduler_default_filters
    weighers/      one file each, table WEIGHERS by the names of scheduler_default_weighers
    operators.py   <in>, <or>, >= ... of extra specs
    evaluator.py   filter_function and goodness_function: small, safe, bounded; words by lexer.py
    functions.py   what those functions see
    placement.py   Placer: place(), check_extend()
    explain.py     Explanation: how many pools each filter removed, and why each
    errors.py      NoValidHost and what a wrong configuration raises
"""
