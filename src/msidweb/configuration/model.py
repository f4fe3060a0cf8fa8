"""What all option models share: .NET names, no unknown keys, isolated copies."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import AliasGenerator, BaseModel, ConfigDict, ValidationInfo, field_validator


def pascal(name: str) -> str:
    """The .NET spelling of a snake_case *name*."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


class Options(BaseModel):
    """Root of the option models.

    Fields are taken by their own name or by their .NET name; a blank text is no value where None
    is the default, as in Microsoft.Identity.Web. :func:`msidweb.configuration.bind` also takes
    keys in any case and skips ``ignored_keys``.
    """

    model_config = ConfigDict(
        alias_generator=AliasGenerator(alias=pascal),
        populate_by_name=True,
        extra="forbid",
        hide_input_in_errors=True,
        loc_by_alias=False,
        validate_assignment=True,
        arbitrary_types_allowed=True,
    )

    #: .NET keys that a file may hold and that have no effect here.
    ignored_keys: ClassVar[frozenset[str]] = frozenset()

    @field_validator("*", mode="before")
    @classmethod
    def _blank_is_nothing(cls, value: object, info: ValidationInfo) -> object:
        blank = isinstance(value, str) and not value.strip()
        if blank and cls.model_fields[info.field_name or ""].default is None:
            return None
        return value

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        # copy.deepcopy would copy transports and the owners of bound methods; those are shared.
        twin = self.__copy__()
        for name, value in self.__dict__.items():
            twin.__dict__[name] = _isolated(value)
        return twin


def _isolated(value: object) -> object:
    if isinstance(value, Options):
        return value.__deepcopy__()
    if isinstance(value, dict):
        return {key: _isolated(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_isolated(item) for item in value]
    if isinstance(value, set):
        return set(value)
    return value
