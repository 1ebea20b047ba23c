"""The drill of docs/operating.md: a dump and the root keys, on another machine."""

import shutil
from pathlib import Path

import pytest

from tests.server import RunningServer, data_folder, environment, manage
from tests.services import given
from tests.services.backends import PostgreSQL
from tests.services.client import TEXT, Program
from tests.surroundings import free_port

pytestmark = [
    pytest.mark.services,
    pytest.mark.xdist_group("server"),
    pytest.mark.skipif(
        given.database() is None, reason="make test-services has PostgreSQL"
    ),
]
ROOT_KEYS = ("tokens", "pin", "so_pin")


def test_a_dump_and_the_root_keys_open_what_was_encrypted() -> None:
    with PostgreSQL.running() as database, data_folder() as home:
        assert isinstance(database, PostgreSQL)
        dump = database.folder / "kms.dump"
        with RunningServer.started(home, DATABASE_URL=database.url) as server:
            program = Program(server)
            access_key = server.access_key
            before, after = program.create_key("before"), ""
            sealed = program.ask("Encrypt", KeyId=before, Plaintext=TEXT).response
            database.tool("pg_dump", "--format=custom", f"--file={dump}", "postgres")
            after = program.create_key("after")
        database.tool("createdb", "drill")
        database.tool("pg_restore", "--exit-on-error", "--dbname=drill", str(dump))
        with data_folder() as elsewhere:
            for name in ROOT_KEYS:
                _copy(home / name, elsewhere / name)
            url = database.url.rpartition("/")[0] + "/drill"
            env = environment(elsewhere, free_port(), DATABASE_URL=url)
            examined = manage(env, "doctor")
            assert "has every pinned key as pinned" in examined.stdout, examined
            with RunningServer.started(elsewhere, DATABASE_URL=url) as restored:
                restored.__dict__["access_key"] = access_key
                drilled = Program(restored)
                blob = sealed["CiphertextBlob"]
                opened = drilled.ask("Decrypt", CiphertextBlob=blob).response
                assert opened["Plaintext"] == TEXT
                # It is a look back: what came later was never there.
                assert drilled.code("DescribeKey", KeyId=after) != ""


def test_a_dump_alone_opens_nothing() -> None:
    with PostgreSQL.running() as database, data_folder() as home:
        with RunningServer.started(home, DATABASE_URL=database.url):
            pass
        with data_folder() as elsewhere:
            env = environment(elsewhere, free_port(), DATABASE_URL=database.url)
            refused = manage(env, "prepare")
            assert refused.returncode == 1
            assert "token folder" in refused.stderr
            # Least of all new root keys, under which nothing old could be read.
            assert not (elsewhere / "tokens").exists()


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)
