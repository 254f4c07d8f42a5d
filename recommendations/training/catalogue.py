"""What training needs to know of the catalogue."""

from dataclasses import dataclass

from recommendations.engine.text import ItemText
from recommendations.storage import learning, serving


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The products as training sees them.

    Attributes
    ----------
    texts
        Name, categories and labels of each product that is not deleted, by id.
    hidden
        Products that are not available or deleted.
    """

    texts: dict[str, ItemText]
    hidden: frozenset[str]

    @property
    def deleted(self) -> frozenset[str]:
        """Products that will not come back."""
        return self.hidden - self.texts.keys()


def read_catalogue() -> Catalogue:
    """Read all products; memory grows with what they are called."""
    return Catalogue(
        texts={text.item_id: text for text in learning.products()},
        hidden=serving.state().hidden,
    )
