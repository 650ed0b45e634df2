"""The aggregates that keep the service running, with their commands and events."""

from domain import capacity, incident, on_call, probing, restore_drill, webhook
from domain.aggregate import Aggregate
from domain.capacity import CAPACITY
from domain.incident import INCIDENT
from domain.on_call import ON_CALL_ROTA
from domain.probing import HEALTH_REPORT, PROBE
from domain.restore_drill import RESTORE_DRILL
from domain.webhook import WEBHOOK

OPERATING: tuple[Aggregate, ...] = (
    Aggregate(
        decider=INCIDENT,
        commands=(
            incident.ReportIncident,
            incident.AcknowledgeIncident,
            incident.ReclassifyIncident,
            incident.RestoreService,
            incident.ResolveIncident,
            incident.ReopenIncident,
        ),
        events=(
            incident.IncidentReported,
            incident.IncidentAcknowledged,
            incident.IncidentReclassified,
            incident.ServiceRestored,
            incident.IncidentResolved,
            incident.IncidentReopened,
        ),
    ),
    Aggregate(
        decider=ON_CALL_ROTA,
        commands=(on_call.SetOnCallRota,),
        events=(on_call.OnCallRotaSet,),
    ),
    Aggregate(
        decider=RESTORE_DRILL,
        commands=(restore_drill.RecordRestoreDrill,),
        events=(restore_drill.RestoreDrilled,),
    ),
    Aggregate(
        decider=PROBE,
        commands=(probing.RecordProbes,),
        events=(probing.ProbesRecorded,),
    ),
    Aggregate(
        decider=HEALTH_REPORT,
        commands=(probing.IssueHealthReport,),
        events=(probing.HealthReportIssued,),
    ),
    Aggregate(
        decider=CAPACITY,
        commands=(capacity.RecordCapacity,),
        events=(capacity.CapacityMeasured,),
    ),
    Aggregate(
        decider=WEBHOOK,
        commands=(
            webhook.SubscribeWebhook,
            webhook.ChangeWebhook,
            webhook.RotateWebhookSecret,
            webhook.PauseWebhook,
            webhook.DisableWebhook,
            webhook.ResumeWebhook,
            webhook.RemoveWebhook,
            webhook.PingWebhook,
            webhook.ReplayWebhook,
            webhook.RedeliverEvent,
        ),
        events=(
            webhook.WebhookSubscribed,
            webhook.WebhookChanged,
            webhook.WebhookSecretRotated,
            webhook.WebhookPaused,
            webhook.WebhookDisabled,
            webhook.WebhookResumed,
            webhook.WebhookRemoved,
            webhook.WebhookPinged,
            webhook.WebhookReplayed,
            webhook.EventRedelivered,
        ),
    ),
)
