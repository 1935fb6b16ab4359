"""Moving a mail that others move too: each attempt is one conditional write, made on what stands by then."""

from collections.abc import Callable

from chalicelib.domain.errors import Conflict, NotFound
from chalicelib.domain.mail import Mail
from chalicelib.ports import MailStore, StaleRecord

_ATTEMPTS = 5


def change_mail(
    mail: Mail, move: Callable[[Mail], Mail], store: Callable[[Mail], Mail] | None = None, *, mails: MailStore
) -> Mail:
    """The mail, moved; as it was read, when the move changes nothing. `store` is mails.save unless it is given.

    Raises NotFound when it was forgotten meanwhile, Conflict when others keep changing it, and what `move` raises.
    """
    store = store or mails.save
    for _ in range(_ATTEMPTS):
        moved = move(mail)
        if moved == mail:
            return mail
        try:
            return store(moved)
        except StaleRecord:
            fresh = mails.find(mail.id)
            if fresh is None:
                raise NotFound from None
            mail = fresh
    raise Conflict
