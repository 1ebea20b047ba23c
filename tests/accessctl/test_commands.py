"""The operator's commands as automation runs them: processes, JSON, exit codes."""

import json

from tests.server import data_folder, environment, manage

NO_KEY = "11111111-1111-4111-8111-111111111111"


def test_json_and_exit_codes_are_as_documented() -> None:
    with data_folder() as home:
        env = environment(home, 8000)
        prepared = manage(env, "prepare")
        assert prepared.returncode == 0, prepared.stderr

        def done(*command: str) -> dict[str, object]:
            ran = manage(env, *command, "--json")
            assert ran.returncode == 0, ran.stderr
            (line,) = ran.stdout.splitlines()
            found: dict[str, object] = json.loads(line)
            return found

        made = done("create_account", "Shop Ltd")
        assert list(made) == ["AccountId", "User", "Password"]
        account = str(made["AccountId"])
        program = done("create_sub_account", "billing", "--account", account)
        assert list(program) == ["AccountId", "Uin", "User"]
        assert program["AccountId"] == made["AccountId"]
        person = done("create_sub_account", "ann", "--account", account, "--console")
        assert list(person) == ["AccountId", "Uin", "User", "Password"]
        asked = ("ann", "key-user", "--account", account)
        until = ("--until", "2100-01-01T00:00:00Z")
        assert done("grant", *asked, *until) == {"Changed": True}
        explained = done("explain", "ann", "Encrypt", "--account", account)
        assert list(explained) == ["Allowed", "Rule", "Steps"]
        assert explained["Allowed"] is True
        assert done("revoke", *asked) == {"Changed": True}
        assert done("revoke", *asked) == {"Changed": False}
        # Without --account it is the first one, which has nobody of this name.
        for command in (
            ("grant", "ann", "key-user"),
            ("create_account", "again", "--account", account),
            ("create_sub_account", "ann", "--account", account),
            ("revoke", "ann", "nonsense", "--account", account),
            ("explain", "ann", "Encrypt", "--account", account, "--key", NO_KEY),
        ):
            ran = manage(env, *command, "--json")
            assert (ran.returncode, ran.stdout) == (1, ""), (command, ran.stderr)
            assert ran.stderr.strip()
            assert "Traceback" not in ran.stderr
