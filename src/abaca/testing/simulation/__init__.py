"""A whole abaca in one thread, driven by a number: one seed is one history, always the same.

Real are the use cases, the database (SQLite in memory), the operation log, leases, queues, handlers
and the fake driver; simulated are time, ids, threads and the array.  Everything that could happen
in another order is decided by the seed: who runs next and how far, which process dies at which
commit or driver call, whose lease runs out, which calls of the backend fail and how, when an answer
gets lost on its way to the client.  A small reference model (model.py) says beforehand which
requests must be accepted, and in the end what must be there.

Campaigns are driven by seeds, which give the same history on every machine and are cheap;
tests/simulation/test_machine.py drives the same world as a state machine of hypothesis, which
shrinks better.

    python -m abaca.testing.simulation --seed 17       # one history, with its trace
    python -m abaca.testing.simulation --histories 1000

| file | what it holds |
|---|---|
| plan.py | from a seed to the actions of a history |
| world.py | time, processes, tasks that stop at every commit and driver call |
| database.py, array.py | what outlives a process |
| model.py, requests.py | what is promised, and asking for it |
| history.py | one history: act, settle, check, shrink |
| bugs.py | planted bugs, which the simulation must find |
| campaign.py | many histories in several processes, and the figures |
"""
