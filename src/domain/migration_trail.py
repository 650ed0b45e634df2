"""Where each migrated value comes from: chunks, each written with the events that it tells of.

A chunk stands right behind its own events in the log, in the same transaction. So the origin of an
event is found from its position alone, and 300,000 people cost a few hundred events more.
"""

from typing import assert_never
from uuid import UUID

import msgspec

from domain.checks import begun, checked_text, known
from domain.kernel import Command, Context, Decider, Event, Happened, Refused
from domain.migration_batch import LOOK_AT_IMPORT

EVENTS_MAX = 20_000
SHAPES_MAX = 10_000


class Cell(msgspec.Struct, frozen=True, array_like=True):
    """A field of an event, and the column that it was read from; `part` names the source row."""

    field: str
    part: int
    column: str


class Sheet(msgspec.Struct, frozen=True, array_like=True):
    """A sheet of a file of the batch."""

    file: int
    sheet: str


class Shape(msgspec.Struct, frozen=True, array_like=True):
    """What all events of one kind of record have in common: their sheets and their columns."""

    sheets: tuple[Sheet, ...]
    cells: tuple[Cell, ...]


class Origin(msgspec.Struct, frozen=True, array_like=True):
    """The origin of one event: a shape, and the row in each of the shape's sheets."""

    shape: int
    rows: tuple[int, ...]


class RecordChunk(Command, frozen=True, kw_only=True):
    """These events were written just before, and come from these rows."""

    import_id: UUID
    number: int
    """Of the chunk, from 1."""
    rows: int
    """Source rows that this chunk has carried out."""
    checked: str
    """Digest of the report of the check that it rests on."""
    upto: int
    """Number of its last record in that check."""
    shapes: tuple[Shape, ...]
    origins: tuple[Origin, ...]
    """One for each event, in their order."""


class ChunkCommitted(Event, frozen=True, kw_only=True):
    TOPIC = "import-trail.chunk-committed"
    import_id: UUID
    number: int
    rows: int
    checked: str
    upto: int
    shapes: tuple[Shape, ...]
    origins: tuple[Origin, ...]


class WithdrawChunk(Command, frozen=True, kw_only=True):
    """What this chunk had written was taken back just before."""

    import_id: UUID
    number: int


class ChunkWithdrawn(Event, frozen=True, kw_only=True):
    TOPIC = "import-trail.chunk-withdrawn"
    import_id: UUID
    number: int


class Trail(msgspec.Struct, frozen=True, kw_only=True):
    """How far a batch has come."""

    import_id: UUID
    chunks: int = 0
    withdrawn: int | None = None
    """The chunk taken back last, where any was; they go from the last to the first."""


def _decide(
    state: Trail | None, command: RecordChunk | WithdrawChunk, context: Context
) -> tuple[Event, ...]:
    batch = known(context.look(LOOK_AT_IMPORT, command.import_id), "unknown-import", "such import")
    match command:
        case RecordChunk():
            if batch.stage != "committing":
                raise Refused("wrong-import-stage", f"The batch is {batch.stage} now.")
            if state is not None and state.import_id != command.import_id:
                raise Refused("unknown-import", "The trail is another import's.")
            _check(command, 0 if state is None else state.chunks)
            return (
                ChunkCommitted(
                    import_id=command.import_id,
                    number=command.number,
                    rows=command.rows,
                    checked=command.checked,
                    upto=command.upto,
                    shapes=command.shapes,
                    origins=command.origins,
                ),
            )
        case WithdrawChunk():
            trail = known(state, "unknown-import", "trail of that import")
            if batch.stage != "compensating" or trail.import_id != command.import_id:
                raise Refused("wrong-import-stage", f"The batch is {batch.stage} now.")
            following = trail.chunks if trail.withdrawn is None else trail.withdrawn - 1
            if command.number != following or following < 1:
                raise Refused("wrong-chunk", f"Chunk {following} is taken back next.")
            return (ChunkWithdrawn(import_id=command.import_id, number=command.number),)
        case _:
            assert_never(command)


def _check(command: RecordChunk, before: int) -> None:
    if command.number != before + 1:
        raise Refused("wrong-chunk", f"Chunk {before + 1} comes next.")
    if len(command.origins) > EVENTS_MAX or len(command.shapes) > SHAPES_MAX:
        raise Refused("bad-chunk", f"A chunk tells of at most {EVENTS_MAX} events.")
    checked_text(command.checked, "digest of the check")
    if not 0 <= command.rows < 2**53 or not 0 <= command.upto < 2**53:
        raise Refused("bad-chunk", "A chunk has 0 rows or more.")
    for shape in command.shapes:
        for sheet in shape.sheets:
            checked_text(sheet.sheet, "sheet")
            if not 0 <= sheet.file < 2**31:
                raise Refused("bad-chunk", "Files are numbered from 0.")
        for cell in shape.cells:
            checked_text(cell.field, "field")
            checked_text(cell.column, "column")
            if not 0 <= cell.part < len(shape.sheets):
                raise Refused("bad-chunk", "A cell is in one of the sheets of its shape.")
    for origin in command.origins:
        if not 0 <= origin.shape < len(command.shapes):
            raise Refused("bad-chunk", "An origin has one of the chunk's shapes.")
        if len(origin.rows) != len(command.shapes[origin.shape].sheets) or any(
            not 0 <= row < 2**53 for row in origin.rows
        ):
            raise Refused("bad-chunk", "An origin has one row in each sheet of its shape.")


def _evolve(state: Trail | None, happened: Happened[ChunkCommitted | ChunkWithdrawn]) -> Trail:
    event = happened.event
    match event:
        case ChunkCommitted():
            return Trail(import_id=event.import_id, chunks=event.number)
        case ChunkWithdrawn():
            return msgspec.structs.replace(begun(state), withdrawn=event.number)
        case _:
            assert_never(event)


IMPORT_TRAIL: Decider[Trail | None] = Decider(
    kind="import-trail", initial=None, decide=_decide, evolve=_evolve
)
