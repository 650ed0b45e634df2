"""One tenant's sealed history: written once, read at any version, proved untampered."""
