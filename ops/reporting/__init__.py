"""The monthly health report as files, and the prober that feeds it."""
