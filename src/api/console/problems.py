"""Every no as people need it: what happened, in their language, and what to do next."""

from typing import Final

from api.console.detailing import Wrong, told
from api.console.language import Language, words
from api.console.visit import Failed
from api.problems import MEANINGS, Said

NEXT: Final = {
    "stale-version": "Look at what is stored now, correct your input, and send it again.",
    "overtaken": "Send it again: nothing was stored.",
    "unavailable": "Wait a moment and send it again; the same form is never carried out twice.",
    "disk-full": "Wait a moment and send it again; the same form is never carried out twice.",
    "view-behind": "Wait a moment and load the page again.",
    "idempotency-conflict": "Load the page again and fill in the form anew.",
    "not-found": "Go back to where you came from; it may be gone, or it is not yours to see.",
    "not-allowed": "Ask your personnel department for the role, or sign in as somebody who has it.",
    "not-published": "Wait until the result is published; you will find it on your start page.",
    "unauthenticated": "Sign in again; what you wrote is kept.",
    "tenant-suspended": "Ask whoever runs this installation.",
    "form-expired": "Load the page again and send the form once more.",
    "internal": "Try again; if it stays, tell your administrator the request number below.",
    "deviation-unexplained": "Open the rating and give the reason where it deviates.",
    "appeal-window-closed": "The window for appeals is closed; speak to your personnel department.",
}
"""By code; texts of the catalogue."""

TITLES: Final = {
    "invalid-body": "The form is not filled in as it has to be.",
    "stale-version": "This was changed since you opened it.",
}
"""Of what the API tells programs of bodies and headers; texts of the catalogue."""

BY_STATUS: Final = {
    400: "Correct the marked fields and send the form again.",
    403: "Somebody else has to do this; ask your personnel department.",
    404: "Go back to where you came from; it may be gone, or it is not yours to see.",
    409: "Load the page again to see how things stand now.",
    422: "Correct your input and send the form again.",
    503: "Wait a moment and send it again; the same form is never carried out twice.",
}
OTHERWISE: Final = "Try again; if it stays, tell your administrator the request number below."


def meaning_of(code: str, language: Language) -> str:
    """What a code of a refusal means, in a sentence."""
    meaning = MEANINGS[code]
    return meaning.english if language == "en" else meaning.chinese


def failed_of(said: Said, language: Language) -> Failed:
    """What a page tells about a no."""
    meaning = MEANINGS[said.code]
    step = NEXT.get(said.code) or BY_STATUS.get(meaning.status, OTHERWISE)
    return Failed(
        code=said.code,
        status=meaning.status,
        title=(
            words(TITLES[said.code], language)
            if said.code in TITLES
            else meaning_of(said.code, language)
        ),
        detail=told(said.detail, language),
        next_step=words(step, language),
        errors=tuple(
            Wrong(pointer=each.pointer, detail=told(each.detail, language)) for each in said.errors
        ),
    )
