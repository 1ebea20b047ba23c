"""Puts each fault at each point of each scene, and judges the data folder after it.

`python -m tests.faults.points` in the environment of an empty data folder; prints one
line of JSON. Every scene runs once undisturbed, to learn where it crosses a seam.
"""

import json
import os
import select
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random  # noqa: TID251 - chance that can be had again
from typing import Any

import django

# ruff: noqa: PLC0415 - Django is set up first

_HANG_SEEN_SECONDS = 30
_BYSTANDER_SECONDS = 0.5


class Bench:
    """One data folder, in which one scene after the other is disturbed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pairs: dict[str, tuple[bytes, bytes]] = {}
        self.number = 0
        self.counts: Counter[str] = Counter()
        self.broken: list[str] = []

    def prepare(self) -> None:
        """Make the installation, an RSA pair to lend and a key for bystanders."""
        from tests.faults import forks

        def work() -> dict[str, Any]:
            from keys.hsm.token import Token
            from kmsconsole import preparation
            from tests.faults.actor import Actor

            preparation.prepare(lambda line: None)
            kept = {}
            generate = Token.generate_apart

            def keep(token: Any, root_id: bytes, spec: Any) -> tuple[bytes, bytes]:
                made = generate(token, root_id, spec)
                kept[spec.name] = [half.hex() for half in made]
                return made

            Token.generate_apart = keep
            actor = Actor(self.folder / "ledger-bystander")
            actor.parameters(actor.key(Type=2), bytes(32))
            for sweep in ("rotation", "destruction", "material"):
                actor.sweep(sweep)
            return {"pairs": kept, "key": actor.key()}

        made = forks.done(work, 120)
        for name, halves in made["pairs"].items():
            self.pairs[name] = (bytes.fromhex(halves[0]), bytes.fromhex(halves[1]))
        self.key: str = made["key"]

    def play(self, name: str, point: Any, tell: int = -1) -> Any:
        """Return what a process of its own does: one scene, with a fault."""
        from keys import custody
        from keys.hsm.token import Token
        from tests.faults.actor import Actor
        from tests.faults.scenes import SCENES
        from tests.faults.seams import Seams

        ledger = self.folder / f"ledger-{self.number}"

        def work() -> Any:
            from kmsconsole.errors import KMSError

            Token.generate_apart = lambda token, root_id, spec: self.pairs[spec.name]
            actor, scene = Actor(ledger), SCENES[name]
            state = scene.before(actor)
            actor.ledger.note(did="state", state=state)
            # As a process that was just started: everything in the HSM is found anew.
            custody.keyring()._token.close()
            custody.keyring.cache_clear()
            with Seams(point, tell).installed() as seams:
                seams.armed = True
                try:
                    scene.act(actor, state)
                except (KMSError, OSError) as refusal:
                    return {"trace": seams.trace, "refused": str(refusal)}
                finally:
                    seams.armed = False
            return {"trace": seams.trace, "refused": ""}

        return work

    def judge(self, name: str) -> Any:
        """Return what a process of its own does: look, do it again, look once more."""
        from keys.hsm.token import Token
        from tests.faults import ledger
        from tests.faults.actor import Actor
        from tests.faults.invariants import Judge
        from tests.faults.scenes import SCENES

        path = self.folder / f"ledger-{self.number}"

        def work() -> Any:
            Token.generate_apart = lambda token, root_id, spec: self.pairs[spec.name]
            lines = ledger.read(path)
            state = next(line["state"] for line in lines if line["did"] == "state")
            first = Judge(lines, everything=False)
            # A killed sweep wipes the files when it runs again, below.
            first.look_at_files = lambda: None
            broken = first.judge()["broken"]
            scene = SCENES[name]
            scene.again(Actor(path), state)
            if not scene.done(state):
                broken.append("not done in the end")
            second = Judge(ledger.read(path), everything=False).judge()
            return {"broken": broken + second["broken"], "counts": second["counts"]}

        return work

    def trace(self, name: str) -> list[str]:
        """Return the seams that a scene crosses, in order."""
        from tests.faults import forks

        self.number += 1
        seen = forks.done(self.play(name, None))
        assert not seen["refused"], seen
        return list(seen["trace"])

    def disturb(self, name: str, seam: str, point: Any) -> None:
        """Play one scene with one fault and judge what is left."""
        from tests.faults import forks, seams

        self.number += 1
        what = f"{name}: {point.fault} {point.moment} {seam} {point.number}"
        heard, tell = os.pipe()
        fork = forks.Fork(self.play(name, point, tell))
        os.close(tell)
        if point.fault == seams.HANG:
            select.select([heard], [], [], _HANG_SEEN_SECONDS)
            self.stand_by(what, fork)
        else:
            end = fork.wait()
            self.expect(what, end is not None, "no end")
            if end is None:
                fork.kill()
            else:
                self.expect(what, not end.error, end.error)
                self.expect(what, point.fault == seams.KILL or not end.signal, f"{end}")
        met = bool(select.select([heard], [], [], 0)[0]) and os.read(heard, 1) == b"x"
        os.close(heard)
        # How often the token is asked for depends on the time, too.
        self.counts[point.fault if met else "missed"] += 1
        try:
            seen = forks.done(self.judge(name))
        except (RuntimeError, TimeoutError) as error:
            self.expect(what, False, str(error))
            return
        self.counts.update(seen["counts"])
        for words in seen["broken"]:
            self.expect(what, False, words)

    def stand_by(self, what: str, hanging: Any) -> None:
        """While one process hangs another one encrypts; it may wait for a commit."""
        from tests.faults import forks
        from tests.faults.actor import Actor

        ledger = self.folder / "ledger-bystander"
        other = forks.Fork(lambda: bool(Actor(ledger).encrypt(self.key)))
        end = other.wait(_BYSTANDER_SECONDS)
        self.counts["bystanders at once" if end else "bystanders after"] += 1
        hanging.kill()
        end = end or other.wait(30)
        self.expect(what, end is not None and end.value is True, f"bystander {end}")

    def expect(self, what: str, truth: bool, words: str) -> None:
        """Keep what went wrong."""
        if not truth:
            self.broken.append(f"{what}: {words}")


def points_of(trace: list[str]) -> list[Any]:
    """Return every fault at both sides of every seam crossed."""
    from tests.faults.seams import FAULTS, MOMENTS, Point

    return [
        (seam, Point(number, moment, fault))
        for number, seam in enumerate(trace)
        for moment in MOMENTS
        for fault in FAULTS
    ]


def chosen_from(found: list[Any], chance: Random, most: int) -> list[Any]:
    """Return so many points: half of them calls of the HSM, of which most are."""
    if most >= len(found):
        return found
    calls = [point for point in found if point[1] == "hsm"]
    others = [point for point in found if point[1] != "hsm"]
    half = min(len(others), most // 2)
    return chance.sample(others, half) + chance.sample(calls, most - half)


def main(folder: Path, seed: int, most: int) -> dict[str, Any]:
    """Disturb every scene, or as many points of them as `most` says."""
    from tests.faults import forks, ledger
    from tests.faults.invariants import Judge
    from tests.faults.scenes import SCENES

    began = time.monotonic()
    bench = Bench(folder)
    bench.prepare()
    prepared = time.monotonic()
    found = [
        (name, seam, point)
        for name in SCENES
        for seam, point in points_of(bench.trace(name))
    ]
    chosen = chosen_from(found, Random(seed), most)
    for name, seam, point in chosen:
        bench.disturb(name, seam, point)

    def whole() -> Any:
        lines = [line for path in folder.glob("ledger-*") for line in ledger.read(path)]
        return Judge(lines).judge()

    last = forks.done(whole, 300)
    return {
        "scenes": len(SCENES),
        "points": len(found),
        "tried": len(chosen),
        "broken": bench.broken + last["broken"],
        "counts": dict(bench.counts),
        "whole": last["counts"],
        "prepared": round(prepared - began, 1),
        "seconds": round(time.monotonic() - began, 1),
    }


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kmsconsole.settings")
    django.setup()
    result = main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    sys.stdout.write(json.dumps(result) + "\n")
