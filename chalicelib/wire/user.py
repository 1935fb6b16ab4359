"""The caller on the wire: the user, the account and its quota."""

from typing import Annotated, ClassVar, Self

from pydantic import Field

from chalicelib.domain.api_token import ApiToken
from chalicelib.domain.pin import Pin
from chalicelib.domain.quota import Quota, Usage
from chalicelib.services.show_user import ShownUser
from chalicelib.services.update_user import UserChanges
from chalicelib.wire.base import Id, In, Moment, NotNull, Out, doc
from chalicelib.wire.people import AuthorView, Name, Timezone
from chalicelib.wire.pins import NewPin, PinGuess
from chalicelib.wire.tokens import TokenView


class PatchUser(In):
    EXAMPLES: ClassVar = {
        "a time zone": {"timezone": "Europe/Vienna"},
        "a first PIN": {"pin": "7294"},
        "another PIN": {"pin": "1a2s3d", "current_pin": "7294"},
    }

    name: Annotated[Name | None, NotNull()] = None
    timezone: Annotated[Timezone | None, NotNull()] = None
    pin: Annotated[NewPin | None, doc("null: no PIN any more.")] = None
    current_pin: Annotated[PinGuess | None, doc("Needed where there is a PIN and `pin` is sent.")] = None

    def changes(self) -> UserChanges:
        return UserChanges(
            name=self.name,
            timezone=self.timezone,
            sets_pin="pin" in self.model_fields_set,
            pin=Pin(self.pin) if self.pin else None,
            current_pin=Pin(self.current_pin) if self.current_pin else None,
        )


class AccountView(Out):
    id: Id
    name: Annotated[str, Field(examples=["Archer & Co"])]


class LimitView(Out):
    limit: Annotated[int, Field(examples=[1000])]
    used: Annotated[int, Field(examples=[17])]


class QuotaView(Out):
    """The account's limits and how much of each is used."""

    bytes: LimitView
    files: LimitView
    mails_today: Annotated[LimitView, doc("Of the day in UTC.")]

    @classmethod
    def of(cls, quota: Quota, used: Usage) -> Self:
        return cls(
            bytes=LimitView(limit=quota.stored_bytes, used=used.stored_bytes),
            files=LimitView(limit=quota.files, used=used.files),
            mails_today=LimitView(limit=quota.mails_a_day, used=used.mails),
        )


class UserView(AuthorView):
    id: Id
    created_at: Moment
    has_pin: Annotated[bool, Field(examples=[True])]
    account: AccountView
    quota: QuotaView
    token: TokenView

    @classmethod
    def of_shown(cls, shown: ShownUser, token: ApiToken) -> Self:
        user, account = shown.user, shown.account
        return cls(
            **AuthorView.of(user.author).model_dump(),
            id=user.id,
            created_at=user.created_at,
            has_pin=user.pin is not None,
            account=AccountView(id=account.id, name=account.name),
            quota=QuotaView.of(shown.quota, shown.used),
            token=TokenView.of(token),
        )
