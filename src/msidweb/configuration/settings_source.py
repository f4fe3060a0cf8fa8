"""The layered configuration as a source of pydantic-settings, for settings of the user's own."""

from __future__ import annotations

from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from msidweb.errors import ConfigurationError

from .configuration import Configuration
from .reading import Reading, spellings_of
from .tree import fold


class ConfigurationSource(PydanticBaseSettingsSource):
    """Gives each field of a ``BaseSettings`` the section of its name.

    ``azure_ad: MicrosoftIdentityOptions`` is the section AzureAd, ``downstream_apis: dict[str,
    DownstreamApiOptions]`` is DownstreamApis. Compose it in ``settings_customise_sources``.

    Raises:
        ConfigurationError: When called: files that cannot be read, unknown keys in a section.
    """

    def __init__(
        self, settings_cls: type[BaseSettings], configuration: Configuration | None = None
    ) -> None:
        super().__init__(settings_cls)
        self._configuration = configuration or Configuration.load()

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The section's values, the key for them, and that nothing is left to decode."""
        return self._read(field, field_name, Reading()), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Every field that the configuration gives."""
        reading = Reading(problems=list(self._configuration.problems))
        values = {
            field.alias or name: value
            for name, field in self.settings_cls.model_fields.items()
            if (value := self._read(field, name, reading)) is not None
        }
        if reading.problems:
            raise ConfigurationError(reading.problems)
        return values

    def _read(self, field: FieldInfo, name: str, reading: Reading) -> Any:
        for spelling in {fold(text): text for text in spellings_of(name, field)}.values():
            section = self._configuration.section(spelling)
            if section:
                return reading.value(field, section.node, (name,))
        return None
