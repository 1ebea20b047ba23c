"""Main accounts."""

from typing import Annotated, Any

from django.conf import settings
from pydantic import Field

from accessctl.errors import AccountExists
from accessctl.models import FIRST_ACCOUNT_UIN, Account, User
from accessctl.passwords import give_password
from kmsconsole import clock, randomness
from kmsconsole.inputs import OperationInput
from kmsconsole.operations import Effect, Operation, Scope
from kmsconsole.principals import Call, Kind, Principal

ROOT_NAME = "admin"


class CreateAccountInput(OperationInput):
    """The account's name, and its root user's password unless one is to be drawn."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    password: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        default=None, repr=False
    )


class CreateAccount(Operation):
    """Make a main account with its root user; the very first one is the operator."""

    effect = Effect.CHANGE
    scope = Scope.OPERATOR
    api = False
    audited_fields = ("name",)
    Input = CreateAccountInput

    def check(self, data: CreateAccountInput) -> None:
        """Refuse a number that an account or a person has."""
        self.first = not Account.objects.exists()
        uin = self.call.principal.account_uin
        taken = Account.objects.filter(uin=uin).exists()
        if taken or User.objects.filter(uin=uin).exists():
            raise AccountExists

    def perform(self, data: CreateAccountInput) -> dict[str, Any]:
        """Store both; the password is in the answer only if it was drawn here."""
        moment = clock.now()
        account = Account.objects.create(
            uin=self.call.principal.account_uin, name=data.name, created_at=moment
        )
        user = User(
            uin=account.uin,
            account=account,
            name=ROOT_NAME,
            is_root=True,
            is_staff=self.first,
            created_at=moment,
        )
        drawn = give_password(user, data.password)
        user.save(force_insert=True)
        answer = {"AccountId": account.uin, "User": user.name}
        return answer if drawn is None else {**answer, "Password": drawn}


def first_account(password: str | None) -> str | None:
    """Make the first account unless there is one; return a drawn password, once."""
    if Account.objects.exists():
        return None
    operator = Principal(Kind.OPERATOR, FIRST_ACCOUNT_UIN, 0, "operator", "command")
    call = Call(operator, settings.KMS_REGIONS[0], str(randomness.uuid4()), "local")
    given = {"Password": password} if password else {}
    output = CreateAccount.execute(call, {"Name": "main", **given}).output
    drawn: str | None = output.get("Password")
    return drawn
