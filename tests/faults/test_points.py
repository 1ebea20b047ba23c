"""Faults at every point of every family of operations (tests/faults/points.py)."""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.faults import sizes
from tests.server import data_folder, environment
from tests.surroundings import ROOT, free_port


def test_a_fault_at_any_point_leaves_everything_true() -> None:
    seed, most = sizes.seed(), sizes.of("points")
    with data_folder() as home, tempfile.TemporaryDirectory() as ledgers:
        env = environment(home, free_port())
        env["DJANGO_SETTINGS_MODULE"] = "kmsconsole.settings"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tests.faults.points"),
                *(ledgers, str(seed), str(most)),
            ],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=sizes.LONGEST_SECONDS,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        assert Path(home / "kms.sqlite3").exists()
    seen = json.loads(done.stdout.splitlines()[-1])
    counts, whole = Counter(seen["counts"]), seen["whole"]
    sizes.say(
        f"fault points: {seen['tried']:,} of {seen['points']:,} in {seen['scenes']} "
        f"scenes ({counts['error']} errors, {counts['kill']} kills, {counts['hang']} "
        f"hangs, {counts.get('bystanders at once', 0)} unnoticed by others, "
        f"{counts.get('missed', 0)} missed), "
        f"{counts['checks']:,} checks, {whole['keys']:,} keys and "
        f"{whole['ciphertexts']:,} ciphertexts whole, {whole['destroyed']} destroyed, "
        f"{whole['erased']} erased blobs in no file, "
        f"{len(seen['broken'])} broken, seed {seed}, {seen['seconds']:.0f} s"
    )
    assert not seen["broken"], "\n".join(seen["broken"][:20])
    assert counts.get("missed", 0) <= seen["tried"] / 10
    assert seen["tried"] == min(most, seen["points"])
    assert whole["destroyed"]
