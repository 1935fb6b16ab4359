"""Categories on the wire."""

import unicodedata
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, StringConstraints

from chalicelib.domain.category import MAX_NAME_LENGTH, Category
from chalicelib.services.manage_categories import CategoryChanges
from chalicelib.wire.base import Id, In, Moment, NotNull, Out, Shape, doc
from chalicelib.wire.lists import SORTING, SortedQuery
from chalicelib.wire.people import plain_text


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


CategoryName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME_LENGTH),
    AfterValidator(plain_text),
    AfterValidator(_composed),
    doc("One line, without control characters. Space around it is dropped.", "Contracts", pattern=r"\S"),
]
Color = Annotated[
    str,
    StringConstraints(to_lower=True),
    Shape(r"^#[0-9a-fA-F]{6}$", "Write a color as in CSS: # and six hexadecimal digits, as in #1f5fa8."),
    doc("As in CSS, kept in lower case.", "#1f5fa8"),
]


class CategoriesQuery(SortedQuery):
    sort: Annotated[Literal["name", "-name", "created_at", "-created_at"], SORTING] = "name"


class CreateCategory(In):
    name: CategoryName
    color: Annotated[Color | None, doc("Picked from a palette when it is left out.")] = None


class PatchCategory(In):
    EXAMPLES: ClassVar = {"another color": {"color": "#2e6b2e"}}

    name: Annotated[CategoryName | None, NotNull()] = None
    color: Annotated[Color | None, NotNull()] = None

    def changes(self) -> CategoryChanges:
        return CategoryChanges(name=self.name, color=self.color)


class CategoryView(Out):
    id: Id
    name: Annotated[str, doc("Unique in the account, without regard to case.", "Contracts")]
    color: Annotated[str, doc("As in CSS.", "#1f5fa8")]
    created_at: Moment

    @classmethod
    def of(cls, category: Category) -> Self:
        return cls(id=category.id, name=category.name, color=category.color, created_at=category.created_at)
