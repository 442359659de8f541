"""Servers that see nothing of the machine but what they need.

A confined server runs in mount, PID and IPC namespaces of its own.  Its root is a read-only tmpfs
with the files and directories that were declared for it, each read-only unless it is declared
writable; all mounts are nosuid and nodev, and noexec unless they hold programs or libraries.  It
keeps the declared capabilities only, can gain none, and many system calls are refused.  It outlives
abaca.

    server = Server(
        directory=state,                        # any directory that exists
        entries=(
            *libraries(),                       # shared libraries and the loader, read-only
            program("smbd"),
            *users(),                           # /etc/passwd, /etc/group with root and nobody
            Tmpfs("/run"),                      # a small writable directory of its own
            device("/dev/null"),
            Bind(state / "smb.conf"),           # read-only, at the same path as outside
            Bind(state / "private", writable=True),
            Bind(state / "places"),             # directories made by abaca: see `show`
        ),
        command=(find_program("smbd"), "--foreground", f"--configfile={state}/smb.conf"),
        capabilities=frozenset({"SETUID", "SETGID", "DAC_OVERRIDE"}),
        pid_file=state / "smbd.pid",            # the pid as seen from outside
        log=state / "smbd.log",                 # its standard output and error
    )
    start(server)                           # ConfinementFailure says in one sentence what failed
    pid = find_running(server.pid_file, "smb.conf")     # also by a later abaca
    inner_pid(pid)                              # 1; None if that process is not confined
    (state / "places" / "7").mkdir(mode=0)
    show(pid, source, str(state / "places" / "7"))      # bind a directory in while it runs
    hide(pid, str(state / "places" / "7"))              # and out again

The server is process 1 of its PID namespace: when it ends, all processes that it started end.

| module | |
|---|---|
| server.py | what a server may see and do; starting it |
| launcher.py | the process that makes the namespaces and becomes the server |
| running.py | a server that runs: whether it is confined, directories bound in and out |
| capabilities.py | names of capabilities; giving them up |
| seccomp.py | system calls that are refused |
| mounts.py | mounts by system call |
"""
