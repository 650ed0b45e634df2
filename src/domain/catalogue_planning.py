"""The aggregates of time: cycles, work calendars, attendance, what is asked for about it."""

from domain import (
    attendance,
    cycle,
    cycle_deadlines,
    fence,
    scheme_change,
    time_request,
    work_calendar,
)
from domain.aggregate import Aggregate
from domain.attendance import ATTENDANCE_SHEET
from domain.cycle import CYCLE
from domain.fence import FENCE, LOCATION_CONSENT
from domain.time_request import TIME_REQUEST
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
    Aggregate(
        decider=TIME_REQUEST,
        commands=(
            time_request.RequestLeave,
            time_request.RequestOvertime,
            time_request.RequestPunch,
            time_request.ApproveTimeRequest,
            time_request.RejectTimeRequest,
            time_request.WithdrawTimeRequest,
        ),
        events=(
            time_request.LeaveRequested,
            time_request.OvertimeRequested,
            time_request.PunchRequested,
            time_request.TimeRequestApproved,
            time_request.TimeRequestRejected,
            time_request.TimeRequestWithdrawn,
        ),
    ),
    Aggregate(
        decider=FENCE,
        commands=(fence.SetFence, fence.RemoveFence),
        events=(fence.FenceSet, fence.FenceRemoved),
    ),
    Aggregate(
        decider=LOCATION_CONSENT,
        commands=(fence.GiveLocationConsent, fence.WithdrawLocationConsent),
        events=(fence.LocationConsentGiven, fence.LocationConsentWithdrawn),
    ),
)
