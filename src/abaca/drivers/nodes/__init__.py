"""Machines that drivers run commands on: this one (local.py), others over SSH (ssh.py).

`node.py` says what a machine is to its users, `files.py` keeps files there.
"""
