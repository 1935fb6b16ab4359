"""Categories on the wire."""

import unicodedata
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, StringConstraints, model_validator

from chalicelib.domain.category import MAX_NAME_LENGTH, Category
from chalicelib.services.manage_categories import CategoryChanges
from chalicelib.wire.base import In, Moment, Out
from chalicelib.wire.lists import SortedQuery
from chalicelib.wire.people import plain_text


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


CategoryName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME_LENGTH),
    AfterValidator(plain_text),
    AfterValidator(_composed),
]
Color = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$", to_lower=True)]


class CategoriesQuery(SortedQuery):
    sort: Literal["name", "-name", "created_at", "-created_at"] = "name"


class CreateCategory(In):
    name: CategoryName
    color: Color | None = None


class PatchCategory(In):
    name: CategoryName | None = None
    color: Color | None = None

    @model_validator(mode="after")
    def _nothing_can_be_cleared(self) -> Self:
        for name in self.model_fields_set:
            if getattr(self, name) is None:
                raise ValueError(f"{name} cannot be null: leave it out to keep it.")
        return self

    def changes(self) -> CategoryChanges:
        return CategoryChanges(name=self.name, color=self.color)


class CategoryView(Out):
    id: str
    name: str
    color: str
    created_at: Moment

    @classmethod
    def of(cls, category: Category) -> Self:
        return cls(id=category.id, name=category.name, color=category.color, created_at=category.created_at)
