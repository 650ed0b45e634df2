"""Which root of all keys the settings name."""

from tenancy.keyservice import KeyService
from tenancy.master import MasterKey, RootKey
from tenancy.settings import Settings, SettingsRefused
from tenancy.tenant_keys import Trust


def root_of(settings: Settings) -> RootKey:
    """The key service, the key in the environment, else the key in its file.

    Raises:
        SettingsRefused: two of them are named, or the service without a token.
        MasterKeyRefused: the key or the token cannot be used as it is.
    """
    if settings.key_service_url is not None:
        if settings.master_key is not None or settings.master_key_file is not None:
            raise SettingsRefused("name the key service or a master key, not both")
        if settings.key_service_token_file is None:
            raise SettingsRefused("MERIT_KEY_SERVICE_URL needs MERIT_KEY_SERVICE_TOKEN_FILE")
        return KeyService.with_token_file(settings.key_service_url, settings.key_service_token_file)
    if settings.master_key is not None:
        if settings.master_key_file is not None:
            raise SettingsRefused("set MERIT_MASTER_KEY or MERIT_MASTER_KEY_FILE, not both")
        return MasterKey.from_text(settings.master_key)
    return MasterKey.from_file(settings.key_file)


def trust_of(settings: Settings) -> Trust:
    """For how long keys are used without their root."""
    return Trust(reading_s=settings.keys_trusted_s, writing_s=min(10.0, settings.keys_trusted_s))
