"""Fuzz one parser after the other with atheris: `make fuzz`, SECONDS=60 each.

What crashes a target is written beside the corpus; mend it, and keep the input in
tests/fuzz/corpus/TARGET, where every test run replays it.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def fuzz(name: str, arguments: list[str]) -> None:
    """Run one target in this process until its time is over; never returns."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import atheris  # noqa: PLC0415 - only where it is installed

    with atheris.instrument_imports(include=["keys", "kmsconsole", "json", "urllib"]):
        import django  # noqa: PLC0415

        django.setup()
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()


def main() -> int:
    """Run every target in a process of its own; returns how many failed."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django  # noqa: PLC0415

    django.setup()
    from tests.fuzz.seeds import SEEDS  # noqa: PLC0415

    seconds = os.environ.get("SECONDS_EACH", "60")
    failed = 0
    for name, seeds in SEEDS.items():
        with tempfile.TemporaryDirectory(prefix=f"kmsconsole-fuzz-{name}-") as folder:
            for number, seed in enumerate(seeds):
                (Path(folder) / f"seed-{number}").write_bytes(seed)
            kept = ROOT / "tests" / "fuzz" / "corpus" / name
            kept.mkdir(parents=True, exist_ok=True)
            print(f"--- {name}, {seconds} s", flush=True)
            done = subprocess.run(
                [
                    *(sys.executable, __file__, name, folder, str(kept)),
                    f"-max_total_time={seconds}",
                    *("-rss_limit_mb=1024", "-timeout=5", "-max_len=8192"),
                    *("-print_final_stats=1", "-verbosity=1"),
                    f"-artifact_prefix={kept}/crash-",
                ],
                cwd=ROOT,
                check=False,
            )
            failed += done.returncode != 0
    print(f"{failed} of {len(SEEDS)} targets failed")
    return failed


if __name__ == "__main__":
    if len(sys.argv) > 1:
        fuzz(sys.argv[1], sys.argv[2:])
    sys.exit(main())
