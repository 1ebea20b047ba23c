"""The databases that are measured, each with a data folder that is ready."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from benchmarks import postgresql, servers


@dataclass(frozen=True)
class Target:
    """A data folder that is ready, with an access key, under one database."""

    name: str
    env: dict[str, str]
    access_key: dict[str, str]


@contextmanager
def targets(*, careless: bool = False) -> Iterator[list[Target]]:
    """Yield SQLite with both levels of durability, and PostgreSQL if there is one.

    `careless` adds PostgreSQL that, as SQLite NORMAL, does not wait for the disk.
    """
    with ExitStack() as stack:
        home = stack.enter_context(servers.prepared_home())
        made = servers.access_key(servers.environment(home))
        found = [
            Target(
                f"SQLite {level}",
                servers.environment(home, DATABASE_URL=servers.sqlite(home, level)),
                made,
            )
            for level in ("FULL", "NORMAL")
        ]
        url = stack.enter_context(postgresql.cluster())
        if url is None:
            print(f"PostgreSQL left out: {postgresql.MISSING}")
        else:
            home = stack.enter_context(servers.prepared_home(DATABASE_URL=url))
            env = servers.environment(home, DATABASE_URL=url)
            made = servers.access_key(env)
            found.append(Target("PostgreSQL", env, made))
            if careless:
                url += "?options=-c synchronous_commit=off"
                env = servers.environment(home, DATABASE_URL=url)
                found.append(Target("PostgreSQL, no wait", env, made))
        yield found
