"""Chinese of the pages of finance: batches, payouts, the ledger."""

CHINESE: dict[str, str] = {}
