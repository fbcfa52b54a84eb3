"""What may others do with an edit vector? Four switches, and how forks inherit them."""

from dataclasses import asdict, dataclass

from webapp.common.errors import RefusedInputError
from webapp.library.models import EditVector


class LicenseBoundError(RefusedInputError):
    """A fork may not allow more than the vector it comes from."""

    code = "library.license_bound"


@dataclass(frozen=True, slots=True)
class License:
    """The switches, worded as the fields of an edit vector.

    Args:
        asks_credit: whoever shows results names the author.
        allows_commercial: results may be sold.
        allows_derivatives: others may fork it and take its file.
        keeps_license: forks carry the same switches.
    """

    asks_credit: bool = True
    allows_commercial: bool = True
    allows_derivatives: bool = True
    keeps_license: bool = False

    @classmethod
    def of(cls, edit_vector: EditVector) -> "License":
        return cls(**{name: getattr(edit_vector, name) for name in cls.__slots__})

    def fields(self) -> dict[str, bool]:
        return asdict(self)

    def check_against(self, source: "License") -> None:
        """Refuse switches that the source of a fork does not allow.

        Raises:
            LicenseBoundError: says which one.
        """
        if source.keeps_license and self != source:
            raise LicenseBoundError(
                "The vector this was forked from asks its forks to keep the same licence."
            )
        if source.asks_credit and not self.asks_credit:
            raise LicenseBoundError("The vector this was forked from asks for credit.")
        if self.allows_commercial and not source.allows_commercial:
            raise LicenseBoundError(
                "The vector this was forked from does not allow commercial use."
            )


OPEN = License()
