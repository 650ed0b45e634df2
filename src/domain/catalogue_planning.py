"""The aggregates of time: cycles, work calendars, attendance."""

from domain import attendance, cycle, cycle_deadlines, scheme_change, work_calendar
from domain.aggregate import Aggregate
from domain.attendance import ATTENDANCE_SHEET
from domain.cycle import CYCLE
from domain.work_calendar import WORK_CALENDAR

PLANNING: tuple[Aggregate, ...] = (
    Aggregate(
        decider=CYCLE,
        commands=(
            cycle.PlanCycle,
            cycle.BindScheme,
            cycle.OpenCycle,
            cycle.AdvanceCycle,
            cycle_deadlines.ExtendDeadline,
            cycle.NoteParticipants,
            cycle.CloseCycle,
        ),
        events=(
            cycle.CyclePlanned,
            cycle.SchemeBound,
            scheme_change.SchemeVersionChanged,
            cycle.CycleOpened,
            cycle.StageAdvanced,
            cycle.DataCutOffReached,
            cycle_deadlines.DeadlineExtended,
            cycle.ParticipantsResolved,
            cycle.CycleLocked,
            cycle.CycleClosed,
        ),
    ),
    Aggregate(
        decider=WORK_CALENDAR,
        commands=(work_calendar.SetWorkCalendar,),
        events=(work_calendar.WorkCalendarSet,),
    ),
    Aggregate(
        decider=ATTENDANCE_SHEET,
        commands=(attendance.RecordAttendance, attendance.WithdrawAttendance),
        events=(attendance.AttendanceRecorded, attendance.AttendanceWithdrawn),
    ),
)
