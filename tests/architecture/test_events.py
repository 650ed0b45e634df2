"""What was written once can be read for ever: topics, shapes, catalogue and refusals are whole."""

import ast
import importlib
import os
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints
from uuid import UUID

import msgspec
import pytest

import domain
from domain.catalogue import AGGREGATES, DECIDERS, EVENTS, decider_of, stream_of
from domain.kernel import Command, Decider, Event, Refused
from domain.refusals import REFUSALS, Kind

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "events.json"
SOURCES = sorted((ROOT / "src" / "domain").glob("*.py"))


def modules() -> Iterator[Any]:
    for module in pkgutil.iter_modules(domain.__path__, "domain."):
        yield importlib.import_module(module.name)


def classes_below(base: type) -> set[type]:
    """Every class of the domain below `base`."""
    found: set[type] = set()
    for module in modules():
        found |= {
            each
            for each in vars(module).values()
            if isinstance(each, type) and issubclass(each, base) and each is not base
        }
    return found


# -- events


def test_every_event_class_is_in_the_catalogue_once() -> None:
    assert len(set(EVENTS)) == len(EVENTS)
    assert set(EVENTS) == classes_below(Event)


def test_every_command_class_has_one_decider() -> None:
    commands = [command for aggregate in AGGREGATES for command in aggregate.commands]
    assert len(set(commands)) == len(commands)
    assert set(commands) == classes_below(Command)


def test_topics_are_unique_and_begin_with_the_kind_of_their_aggregate() -> None:
    topics = [event.TOPIC for event in EVENTS]
    assert len(set(topics)) == len(topics)
    for aggregate in AGGREGATES:
        for event in aggregate.events:
            noun, _, happened = event.TOPIC.partition(".")
            assert noun == aggregate.decider.kind
            assert re.fullmatch(r"[a-z]+(-[a-z]+)*", happened), event.TOPIC


def test_kinds_are_unique() -> None:
    assert len(DECIDERS) == len(AGGREGATES)


def shapes() -> dict[str, Any]:
    """Of every topic: the version, the subject, and the JSON schema of what is stored."""
    return {
        event.TOPIC: {
            "class_version": event.class_version,
            "subject": event.SUBJECT,
            "schema": without_prose(msgspec.json.schema(event)),
        }
        for event in sorted(EVENTS, key=lambda event: event.TOPIC)
    }


def without_prose(schema: Any) -> Any:
    """A schema without descriptions: a docstring may be said better at any time."""
    if isinstance(schema, dict):
        return {
            name: without_prose(part)
            for name, part in schema.items()
            if name != "description" or not isinstance(part, str)
        }
    return [without_prose(part) for part in schema] if isinstance(schema, list) else schema


def test_shapes_are_as_they_were_agreed() -> None:
    """Changed on purpose? `GOLDEN=overwrite pytest tests/architecture/test_events.py`, and review.

    A field with a default may be added. Anything else needs a new `class_version` and an upcast.
    """
    now = msgspec.json.format(msgspec.json.encode(shapes(), order="sorted"), indent=1) + b"\n"
    if os.environ.get("GOLDEN") == "overwrite":
        GOLDEN.write_bytes(now)
    assert GOLDEN.read_bytes() == now


def test_a_topic_once_agreed_stays() -> None:
    assert msgspec.json.decode(GOLDEN.read_bytes()).keys() == shapes().keys()


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TOPIC)
def test_events_are_sealed_as_they_say(event: type[Event]) -> None:
    config = event.__struct_config__
    assert config.frozen
    assert config.forbid_unknown_fields
    hints = get_type_hints(event, include_extras=True)
    personal = [name for name, hint in hints.items() if "personal" in repr(hint)]
    for name in personal:
        # It reads as None once the key of its subject is destroyed.
        assert type(None) in get_args(get_args(hints[name])[0]), f"{event.TOPIC}: {name}"
    if event.SUBJECT is not None:
        assert personal, f"{event.TOPIC} names a subject and has nothing personal"
        assert event.SUBJECT in event.__struct_fields__


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TOPIC)
def test_no_binary_float_in_an_event(event: type[Event]) -> None:
    # A JSON number in an event's schema is a float; decimals are strings, money is an integer.
    assert "number" not in set(json_types(msgspec.json.schema(event)))


def json_types(schema: Any) -> Iterator[str]:
    """Every JSON type that a schema speaks of."""
    if isinstance(schema, dict):
        if isinstance(schema.get("type"), str):
            yield schema["type"]
        for part in schema.values():
            yield from json_types(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from json_types(part)


# -- deciders


@pytest.mark.parametrize("aggregate", AGGREGATES, ids=lambda aggregate: aggregate.decider.kind)
def test_evolve_handles_exactly_the_events_of_its_aggregate(aggregate: Any) -> None:
    handled = event_types_of(aggregate.decider)
    assert handled == set(aggregate.events)


def event_types_of(decider: Decider[Any]) -> set[type]:
    """What `evolve` says that it takes: the argument of its `Happened[...]`."""
    happened = get_type_hints(decider.evolve)["happened"]
    (events,) = get_args(happened)
    return set(get_args(events)) or {events}


def test_every_evolve_ends_in_assert_never() -> None:
    """So that a forgotten event is a type error, not a state that stays as it was."""
    for aggregate in AGGREGATES:
        module = importlib.import_module(aggregate.decider.evolve.__module__)
        source = Path(str(module.__file__)).read_text()
        matches = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Match)]
        assert matches
        for match in matches:
            last = match.cases[-1]
            assert isinstance(last.pattern, ast.MatchAs)
            assert last.pattern.pattern is None
            assert "assert_never" in ast.dump(last.body[0]), module.__name__


def test_natural_keys_name_streams() -> None:
    named = {
        command.__name__
        for aggregate in AGGREGATES
        for command in aggregate.commands
        if stream_of(blank(command)) is not None
    }
    creating = {
        "CreateOrgUnit",
        "DefineJob",
        "RegisterPerson",
        "HireEmployee",
        "RehireEmployee",
        "DraftScheme",
        "CloneScheme",
        "DraftFromTemplate",
        "SetLintLimits",
        "DefineIndicator",
        "RecordOccurrence",
        "ProposeVeto",
        "PlanCycle",
        "SetWorkCalendar",
        "ProposeGoals",
        "ReceiveFeed",
        "RecordActual",
        "CorrectActual",
        "FileAppeal",
        "SetObjective",
        "RequestExcuse",
        "CreateAppraisal",
        "PrepareBatch",
        "PrepareRewardBatch",
        "SetRewardBudget",
        "NominateReward",
        "NominateRater",
        "SubmitPeerRating",
        "OpenCalibrationSession",
        "FundPool",
        "FixExchangeRate",
        "SetClawbackLimit",
        "AssertBalance",
        "ExportJournal",
        "ReportIncident",
        "SubscribeWebhook",
        "StartImport",
        "RecordChunk",
        "WithdrawChunk",
        "RecordHistoricalPay",
        "RecordHistoricalRating",
        "RecordHistoricalFact",
        "PlanModule",
        "StartOnboarding",
        "SetOnCallRota",
        "SetRetention",
        "RequestErasure",
        "MarkAsFork",
    }
    assert named == creating


def blank(command: type[Command]) -> Command:
    """A command of this class that holds ids and codes, and nothing else that makes sense."""
    made = command(
        **{name: UUID(int=1) if name.endswith("_id") else "x" for name in command.__struct_fields__}
    )
    assert decider_of(made) in DECIDERS.values()
    return made


# -- refusals


def literals(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def codes_raised(path: Path) -> Iterator[str]:
    """The codes that a module gives to `Refused`, `known`, or as `code=`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        place = {"Refused": 0, "known": 1}.get(name)
        given = [] if place is None else node.args[place : place + 1]
        given += [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        for argument in given:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value


def test_every_refusal_is_listed() -> None:
    raised = {code for path in SOURCES for code in codes_raised(path)}
    assert raised - REFUSALS.keys() == set()


def test_every_listed_refusal_is_used() -> None:
    used = {
        text for path in SOURCES if not path.name.startswith("refusal") for text in literals(path)
    }
    assert REFUSALS.keys() - used == set()


def test_every_refusal_has_a_test_that_triggers_it() -> None:
    tested = {
        word
        for path in (ROOT / "tests" / "domain").rglob("*.py")
        for text in literals(path)
        for word in re.findall(r"[a-z0-9-]+", text)
    }
    assert REFUSALS.keys() - tested == set()


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=lambda refusal: refusal.code)
def test_refusals_are_sentences_in_two_languages(refusal: Any) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", refusal.code)
    assert refusal.kind in get_args(Kind)
    assert refusal.english[0].isupper()
    assert refusal.english.endswith(".")
    assert refusal.chinese.endswith("。")
    assert re.search(r"[\u4e00-\u9fff]", refusal.chinese)


def test_a_refusal_says_its_code_and_its_detail() -> None:
    refused = Refused("already-locked", "The score is locked.")
    assert str(refused) == "already-locked: The score is locked."
