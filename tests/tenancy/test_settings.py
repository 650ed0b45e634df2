"""Settings: read once; what is unknown or wrong stops the start with its name."""

from pathlib import Path

import msgspec
import pytest

from tenancy.settings import HIDDEN, Settings, SettingsRefused

ADDRESS = "postgresql://merit:s3cret@db1,db2/merit"


def test_what_is_not_given_has_a_default() -> None:
    assert Settings.read({"PATH": "/bin"}) == Settings()


def test_values_take_the_type_of_their_field() -> None:
    settings = Settings.read(
        {
            "MERIT_DATABASE_URL": ADDRESS,
            "MERIT_PORT": "9000",
            "MERIT_DATA_DIR": "/srv/merit",
            "MERIT_LOG_FORMAT": "console",
        }
    )
    assert settings.database_url == ADDRESS
    assert settings.port == 9000
    assert settings.data_dir == Path("/srv/merit")
    assert settings.log_format == "console"


def test_the_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERIT_PORT", "9001")
    assert Settings.read().port == 9001


def test_empty_is_not_set() -> None:
    assert Settings.read({"MERIT_DATABASE_URL": "", "MERIT_PORT": ""}) == Settings()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("MERIT_DATABSE_URL", "x", "unknown settings: MERIT_DATABSE_URL"),
        ("MERIT_PORT", "0", r"\$\.port"),
        ("MERIT_PORT", "many", r"\$\.port"),
        ("MERIT_WORKERS", "-1", r"\$\.workers"),
        ("MERIT_LOG_FORMAT", "xml", r"\$\.log_format"),
    ],
)
def test_a_mistake_stops_the_start_and_is_named(variable: str, value: str, said: str) -> None:
    with pytest.raises(SettingsRefused, match=said):
        Settings.read({variable: value})


def test_passwords_are_never_shown() -> None:
    settings = Settings.read({"MERIT_DATABASE_URL": ADDRESS, "MERIT_OWNER_DATABASE_URL": ADDRESS})
    shown = repr(settings) + repr(settings.explained())
    assert "s3cret" not in shown
    assert shown.count(f"merit:{HIDDEN}@db1,db2") == 4


def test_every_setting_is_explained() -> None:
    explained = Settings().explained()
    assert len(explained) == len(msgspec.structs.fields(Settings))
    assert all(one.name.startswith("MERIT_") and one.meaning for one in explained)


def test_the_master_key_lies_in_the_data_folder_unless_it_is_told_otherwise() -> None:
    assert Settings(data_dir=Path("/srv")).key_file == Path("/srv/master.key")
    assert Settings(master_key_file=Path("/keys/m")).key_file == Path("/keys/m")
    with pytest.raises(SettingsRefused, match="MERIT_MASTER_KEY_FILE"):
        _ = Settings().key_file
