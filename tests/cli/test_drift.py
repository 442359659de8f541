"""`abaca drift` and what `abaca doctor` says of it, beside a running abaca."""

from __future__ import annotations

import re
import uuid

from abaca.drivers.fake.backend import FakeBackend
from abaca.drivers.ganesha.processes import wait_until
from support.processes import Site, site

PERIOD = "[abaca]\ndrift_interval = 0.2\ndrift_repair = False\n"


def test_drift_is_shown_repaired_and_adopted() -> None:
    with site(PERIOD) as fake:
        nothing = fake.run("drift")
        assert nothing.returncode == 1 and "abaca has not run" in nothing.stderr
        fake.serve()
        share = fake.create("one")
        fake.await_share(share)
        array = FakeBackend(fake.state / "fake" / "fake")
        [instance] = array.shares()
        array.set_size(instance, 5)
        orphan = str(uuid.uuid4())
        values = {"managed": 1, "backend": "fake", "proto": "NFS"}
        array.add_share(orphan, f"/fake/share-{orphan}", 3, **values)
        assert wait_until(lambda: len(findings(fake)) == 2, 60)
        shown = fake.run("drift")
        assert shown.returncode == 1
        assert re.search(rf"share {share} +{instance} +1 GiB +5 GiB +resize", shown.stdout)
        assert re.search(rf"{orphan} +not there +there, rules: none +adopt", shown.stdout)
        parts = [fake.run("drift", "--limit", "1").stdout]
        [marker] = re.findall(r"There may be more: abaca drift --marker (\S+)", parts[0])
        parts.append(fake.run("drift", "--marker", marker).stdout)
        assert [(instance in part, orphan in part) for part in parts] in (
            [(True, False), (False, True)],
            [(False, True), (True, False)],
        )
        doctor = fake.run("doctor")
        assert doctor.returncode == 1
        assert "2 differences between database and backends: see abaca drift" in doctor.stdout

        plan = fake.run("drift", "repair")
        assert plan.returncode == 0 and re.search(r"resize: give it .* +none\n", plan.stdout)
        assert array.shares()[instance]["size"] == 5
        assert fake.run("drift", "repair", "--yes").returncode == 0
        assert wait_until(lambda: array.shares()[instance]["size"] == 1, 60)

        finding = findings(fake)[orphan]
        words = ("drift", "adopt", finding, "--project", "lab", "--name", "found")
        assert f"Would adopt share {orphan}" in fake.run(*words).stdout
        done = fake.run(*words, "--yes")
        assert done.returncode == 0, done.stderr
        fake.await_share(done.stdout.rpartition(": ")[2].strip())
        assert wait_until(lambda: not findings(fake), 60)
        nothing = fake.run("drift")
        assert nothing.returncode == 0 and "0 differences" in nothing.stdout


def findings(fake: Site) -> dict[str, str]:
    """Ids by the id on the backend."""
    return {each["backend_id"]: each["id"] for each in fake.call("GET", "/drift")["drift"]}
