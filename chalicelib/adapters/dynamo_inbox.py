"""Inboxes in the metadata table: one item for each mail that a user received, beside the mail itself."""

from chalicelib.adapters.dynamo_lists import LISTING, LISTING_A, LISTING_B, Lists
from chalicelib.adapters.dynamo_postings import SearchTable
from chalicelib.adapters.dynamo_search import Sought, search
from chalicelib.adapters.dynamo_table import Item, KeyOfId, MetadataTable, moment, timestamp
from chalicelib.domain.ids import AccountId, MailId, UserId
from chalicelib.domain.mail import INBOX_SORTS, InboxEntry, searched_inbox_texts
from chalicelib.domain.page import Order, Page, Position

inbox_key = KeyOfId("INBOX", "INBOX")


class DynamoInbox:
    def __init__(self, table: MetadataTable, postings: SearchTable) -> None:
        self._table, self._postings = table, postings

    def find(self, mail_id: MailId) -> InboxEntry | None:
        item = self._table.get(inbox_key(mail_id))
        return _from_item(item) if item and not item.get("is_removed") else None

    def list_of(self, user_id: UserId, order: Order, limit: int, after: Position | None) -> Page[InboxEntry]:
        return inbox_lists.page(self._table, _list_pk(user_id), order, limit, after)

    def search(
        self, user_id: UserId, keyword: str, order: Order, limit: int, after: Position | None
    ) -> Page[InboxEntry]:
        list_pk = _list_pk(user_id)
        sought = Sought(list_pk=list_pk, search_pk=list_pk, keyword=keyword, order=order, limit=limit, after=after)
        return search(inbox_lists, self._table, self._postings, sought)

    def remove(self, mail_id: MailId, user_id: UserId) -> bool:
        """The record stays until its mail is forgotten, on no list and in no search: a removal could not say who did
        it.
        """
        change = f"SET is_removed = :yes REMOVE {', '.join(_SHOWN)}"
        condition = "user_id = :user AND attribute_not_exists(is_removed)"
        return self._table.try_update(inbox_key(mail_id), change, condition, user=user_id, yes=True)


def entry_item(entry: InboxEntry) -> Item:
    pk, sk = inbox_key(entry.mail_id)
    return {
        "pk": pk,
        "sk": sk,
        "ttl": int(entry.forgotten_at.timestamp()),
        **inbox_lists.attributes(_list_pk(entry.user_id), entry, _list_pk(entry.user_id)),
        "account_id": entry.account_id,
        "user_id": entry.user_id,
        "identifier": entry.identifier,
        "subject": entry.subject,
        "sender": {"name": entry.sender_name, "email": entry.sender_email},
        "received_at": timestamp(entry.received_at),
        "forgotten_at": timestamp(entry.forgotten_at),
    }


def _from_item(item: Item) -> InboxEntry:
    return InboxEntry(
        mail_id=MailId(inbox_key.id_of(item)),
        account_id=AccountId(item["account_id"]),
        user_id=UserId(item["user_id"]),
        identifier=item["identifier"],
        subject=item["subject"],
        sender_name=item["sender"]["name"],
        sender_email=item["sender"]["email"],
        received_at=moment(item["received_at"]),
        forgotten_at=moment(item["forgotten_at"]),
    )


inbox_lists = Lists(
    INBOX_SORTS,
    {"received_at": LISTING, "subject": LISTING_A, "created_by_email": LISTING_B},
    inbox_key,
    _from_item,
    searched_inbox_texts,
)
_SHOWN = sorted({*inbox_lists.names, "subject", "sender"})  # of an entry, on lists and to searches


def _list_pk(user_id: UserId) -> str:
    return f"USER#{user_id}#INBOX"
